-- Forget the changes remembered for a session.
DELETE FROM changes WHERE session = ?
