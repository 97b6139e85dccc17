-- Forget the log of a session.
DELETE FROM items WHERE session = ?
