-- Walk through the sessions of a user by creation.
-- Integers come as bytes: text that is damaged would be refused, with all rows beside it.
SELECT
    id, key, namespace, minute, remembered, incarnation, revision, created, updated, active, base,
    ttl, cap, user_tag, length, last_item, CAST(integers AS BLOB), sealed
FROM sessions
WHERE namespace = :namespace AND user_tag = :user_tag AND user_tag <> x''
    AND (created, key) > (:created, :key) AND created <= :created_to
ORDER BY created, key
