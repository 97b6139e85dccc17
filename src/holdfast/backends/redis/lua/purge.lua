#!lua flags=allow-oom
-- Remove what is left of an expired session.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] changes  KEYS[4] older changes  KEYS[5] lease  KEYS[6] line
-- KEYS[7] leaves  KEYS[8] creations  KEYS[9] deadlines  KEYS[10] draft
-- ARGV    nonce, creation (ms)
-- Returns {nonce, 0} it lives, {nonce, 1} removed, {nonce, 2} no more than its place in the index is
--         gone, now or since somebody else was first.
--
-- The session is described in apply.lua, the index in leaves.lua. The event says `x<id>`; who takes
-- the session out of the index says it, so it is said once. Where another session has the id since,
-- or the key is of another kind, only the place in the index goes; the event says `l`, for the
-- end of that one was not told of in its time.
local call = redis.call
local nonce, created = ARGV[1], tonumber(ARGV[2])
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')
local leaves, creations, deadlines = KEYS[7], KEYS[8], KEYS[9]
--include leaves
--include leaving

if call('EXISTS', KEYS[1]) == 1 then
  local meta = redis.pcall('HGET', KEYS[1], 'm')
  local sound, _, born = pcall(struct.unpack, '<I5I6', meta or '')
  local kind = type(meta) == 'table' and string.sub(meta.err, 1, 9) == 'WRONGTYPE'
  local other = kind or (sound and born ~= created)
  if not other then
    return {nonce, 0}
  end
  if leave(created, id) then
    call('SPUBLISH', bucket .. 'e:' .. namespace, 'l')
  end
  return {nonce, 2}
end
if not leave(created, id) then
  return {nonce, 2}
end
call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[10])
call('SPUBLISH', bucket .. 'e:' .. namespace, 'x' .. id)
return {nonce, 1}
