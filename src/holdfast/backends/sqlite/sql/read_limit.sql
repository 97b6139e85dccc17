-- See when a rate limit is full again.
SELECT arrival FROM limits WHERE key = ?
