-- Read the newest item of a session's log.
SELECT number, at, origin, sealed FROM items
WHERE session = ?
ORDER BY number DESC LIMIT 1
