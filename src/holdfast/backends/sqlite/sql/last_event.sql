-- Give the number of the last event that there was, read or not.
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)
