-- Forget the rate limits beyond so many, those that are full again first.
DELETE FROM limits WHERE key IN (
    SELECT key FROM limits ORDER BY arrival LIMIT max(0, (SELECT count(*) FROM limits) - ?)
)
