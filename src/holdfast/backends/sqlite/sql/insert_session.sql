-- Keep a new session.
INSERT INTO sessions (
    id, key, namespace, minute, remembered, incarnation, revision, created, updated, active, base,
    ttl, cap, user_tag, length, last_item, integers, sealed
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
