-- See who holds a session.
SELECT token, until, ttl, fence FROM leases WHERE session = ?
