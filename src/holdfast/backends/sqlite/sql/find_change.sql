-- Find a change that a session remembers.
SELECT digest, revision, integers, first_item, last_item FROM changes
WHERE session = ? AND change_id = ?
