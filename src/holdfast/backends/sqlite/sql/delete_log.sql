-- Forget the log of a session.
DELETE FROM stretches WHERE session = ?
