-- Count so many more (or fewer) sessions that end in a minute.
INSERT INTO deadlines (namespace, minute, sessions) VALUES (?, ?, ?)
ON CONFLICT (namespace, minute) DO UPDATE SET sessions = sessions + excluded.sessions
