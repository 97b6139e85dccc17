-- Walk through the sessions of a user by creation.
SELECT
    id, key, namespace, minute, remembered, incarnation, revision, created, updated, active, base,
    ttl, cap, user_tag, length, last_item, integers, sealed
FROM sessions
WHERE namespace = :namespace AND user_tag = :user_tag AND user_tag <> x''
    AND (created, key) > (:created, :key) AND created <= :created_to
ORDER BY created, key
