-- Keep what has changed in a session; its deadline stays within the minute.
UPDATE sessions SET
    sealed = ?, remembered = ?, revision = ?, updated = ?, active = ?, base = ?, ttl = ?,
    length = ?, last_item = ?, integers = ?
WHERE id = ?
