-- Keep what happened to a session.
INSERT INTO events (key, kind, reason) VALUES (?, ?, ?)
