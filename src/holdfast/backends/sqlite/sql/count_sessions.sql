-- Count live sessions: those that end in a later minute than :minute, and of those that end in it
-- the ones that end after :now.
SELECT
    (SELECT coalesce(sum(sessions), 0) FROM deadlines
        WHERE namespace = :namespace AND minute > :minute)
    + (SELECT count(*) FROM sessions
        WHERE namespace = :namespace AND minute = :minute AND min(base + ttl, cap) > :now)
