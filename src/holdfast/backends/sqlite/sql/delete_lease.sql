-- Forget the lease of a session.
DELETE FROM leases WHERE session = ?
