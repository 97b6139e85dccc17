-- Read a stretch of a session's log.
SELECT number, at, origin, sealed FROM items
WHERE session = ? AND number > ?
ORDER BY number LIMIT ?
