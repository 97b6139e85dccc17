-- Keep when a rate limit is full again.
INSERT OR REPLACE INTO limits (key, arrival, span) VALUES (?, ?, ?)
