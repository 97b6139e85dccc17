-- Begin to watch.
INSERT INTO watchers (token, until, seen) VALUES (?, ?, ?)
