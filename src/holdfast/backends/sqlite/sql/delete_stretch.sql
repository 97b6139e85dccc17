-- Remove one stretch of a session's log.
DELETE FROM stretches WHERE session = ? AND last = ?
