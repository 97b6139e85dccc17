#!lua flags=allow-oom
-- Remove what is left of an expired session.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] changes  KEYS[4] older changes  KEYS[5] lease  KEYS[6] line
-- KEYS[7] leaves  KEYS[8] creations  KEYS[9] deadlines  KEYS[10] draft
-- ARGV    nonce, creation (ms)
-- Returns {nonce, 1} removed, {nonce, 0} it lives, or somebody else was first.
--
-- The session is described in apply.lua, the index in leaves.lua. The event says `x<id>`; who takes
-- the session out of the index says it, so it is said once. Where another session has the id since,
-- only the place in the index goes.
local call = redis.call
local nonce, created = ARGV[1], tonumber(ARGV[2])
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')
local leaves, creations, deadlines = KEYS[7], KEYS[8], KEYS[9]
--include leaves
--include leaving

if call('EXISTS', KEYS[1]) == 1 then
  local sound, _, born = pcall(struct.unpack, '<I5I6', call('HGET', KEYS[1], 'm') or '')
  if sound and born ~= created then
    leave(created, id)
  end
  return {nonce, 0}
end
if not leave(created, id) then
  return {nonce, 0}
end
call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[10])
call('SPUBLISH', bucket .. 'e:' .. namespace, 'x' .. id)
return {nonce, 1}
