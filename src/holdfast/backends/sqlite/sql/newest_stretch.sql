-- Read the newest stretch of a session's log.
SELECT last, at, origin, lengths, sealed FROM stretches
WHERE session = ?
ORDER BY last DESC LIMIT 1
