-- Append an item to a session's log.
INSERT INTO items (session, number, at, origin, sealed) VALUES (?, ?, ?, ?, ?)
