-- Say until when somebody watches, 0 when nobody does.
SELECT coalesce(max(until), 0) FROM watchers
