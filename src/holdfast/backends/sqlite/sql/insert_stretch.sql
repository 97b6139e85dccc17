-- Append a stretch to a session's log.
INSERT INTO stretches (session, last, at, origin, lengths, sealed) VALUES (?, ?, ?, ?, ?, ?)
