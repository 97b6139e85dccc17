-- Keep what has changed in a session beside its values; its deadline stays within the minute.
UPDATE sessions SET
    remembered = ?, revision = ?, updated = ?, active = ?, base = ?, ttl = ?, length = ?,
    last_item = ?, integers = ?
WHERE id = ?
