-- Read a session's log, from the stretch on that the item after the given one is in.
SELECT last, at, origin, lengths, sealed FROM stretches
WHERE session = ? AND last > ?
ORDER BY last LIMIT ?
