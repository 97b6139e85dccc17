-- Forget a session.
DELETE FROM sessions WHERE id = ?
