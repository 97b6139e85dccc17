-- Look at sessions by their keys, in any order. {keys} is a row of question marks.
SELECT
    id, key, namespace, minute, remembered, incarnation, revision, created, updated, active, base,
    ttl, cap, user_tag, length, last_item, integers, sealed
FROM sessions WHERE key IN ({keys})
