#!lua flags=allow-oom
-- Remove what is left of an expired session.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] changes  KEYS[4] older changes  KEYS[5] lease  KEYS[6] line
-- KEYS[7] deadlines  KEYS[8] creations  KEYS[9] draft
-- ARGV    nonce
-- Returns {nonce, 1} removed, {nonce, 0} it lives, or somebody else was first.
--
-- The event says `x<id>`; who takes the deadline out says it, so it is said once.
local call = redis.call
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')

if call('EXISTS', KEYS[1]) == 1 or call('ZREM', KEYS[7], id) == 0 then
  return {ARGV[1], 0}
end
call('ZREM', KEYS[8], id)
call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[9])
call('SPUBLISH', bucket .. 'e:' .. namespace, 'x' .. id)
return {ARGV[1], 1}
