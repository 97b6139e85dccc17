-- Look at sessions by their keys, in any order. {keys} is a row of question marks.
-- Integers come as bytes: text that is damaged would be refused, with all rows beside it.
SELECT
    id, key, namespace, minute, remembered, incarnation, revision, created, updated, active, base,
    ttl, cap, user_tag, length, last_item, CAST(integers AS BLOB), sealed
FROM sessions WHERE key IN ({keys})
