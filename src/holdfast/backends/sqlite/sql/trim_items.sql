-- Remove the oldest items of a session's log, so many of them.
DELETE FROM items WHERE session = :session AND number IN (
    SELECT number FROM items WHERE session = :session ORDER BY number LIMIT :surplus
)
