-- Give the highest number of a session, 0 when there is none.
SELECT coalesce(max(id), 0) FROM sessions
