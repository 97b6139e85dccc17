-- Find sessions past their deadline, the oldest deadline first.
SELECT key FROM sessions
WHERE namespace = :namespace AND minute <= :minute AND min(base + ttl, cap) <= :now
ORDER BY minute, min(base + ttl, cap)
LIMIT :limit
