-- Read what happened after an event, in order.
SELECT number, key, kind, reason FROM events WHERE number > ? ORDER BY number LIMIT ?
