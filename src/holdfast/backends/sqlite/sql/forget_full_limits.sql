-- Forget rate limits that are full, some of them.
DELETE FROM limits WHERE key IN (
    SELECT key FROM limits WHERE arrival <= ? ORDER BY arrival LIMIT ?
)
