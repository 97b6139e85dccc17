-- Put a note beside a session.
INSERT OR REPLACE INTO drafts (session, sealed) VALUES (?, ?)
