-- Give the revision of the oldest change that a session remembers.
SELECT min(revision) FROM changes WHERE session = ?
