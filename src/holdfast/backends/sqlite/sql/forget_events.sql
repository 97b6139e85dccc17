-- Forget events that all watchers have read, and the oldest of more than :most.
DELETE FROM events WHERE number <= max(
    (SELECT coalesce(min(seen), 1 << 62) FROM watchers),
    (SELECT coalesce(max(number), 0) - :most FROM events)
)
