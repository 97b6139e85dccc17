-- Keep who holds a session.
INSERT OR REPLACE INTO leases (session, token, until, ttl, fence) VALUES (?, ?, ?, ?, ?)
