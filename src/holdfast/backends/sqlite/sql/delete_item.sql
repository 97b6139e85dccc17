-- Remove one item of a session's log.
DELETE FROM items WHERE session = ? AND number = ?
