#!lua flags=allow-oom
-- End a session and all that belongs to it.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] changes  KEYS[4] older changes  KEYS[5] line  KEYS[6] lease
-- KEYS[7] leaves  KEYS[8] creations  KEYS[9] deadlines  KEYS[10] deletions  KEYS[11] draft
-- ARGV    nonce, change id (none: ''), revision (-1: any), incarnation (none: leave out)
-- Returns {nonce, 0} there was none, {nonce, 1, user tag, creation} deleted,
--         {nonce, 2, revision} not as expected.
--
-- The session is described in apply.lua, the index in leaves.lua. Deletions are a hash: change id ->
-- nothing, and `=` incarnation -> when it was created, which a repeated create must not bring back;
-- it ends a minute after the last, or is begun again when it is long. One that found nothing is not
-- among them: it has done nothing, so it may as well be done when it is repeated. The event says
-- `d<id>`.
local call = redis.call
local nonce, change, expected, incarnation = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

if change ~= '' and call('HEXISTS', KEYS[10], change) == 1 then
  return {nonce, 1, '', '0'}
end
local meta = redis.pcall('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
if type(meta) == 'table' then
  if string.sub(meta.err, 1, 9) ~= 'WRONGTYPE' then
    return meta
  end
  meta = ''
end
local sound, revision, created = pcall(struct.unpack, '<I5I6', meta)
local whole, own, user = pcall(struct.unpack, '<Bc0Bc0', meta, 57)
if not (sound and whole) then
  -- It is damaged; all that can be done with it is to remove it.
  revision, created, own, user = 0, 0, '', ''
end
if (incarnation and incarnation ~= own) or (expected ~= -1 and expected ~= revision) then
  return {nonce, 2, revision}
end
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')

local leaves, creations, deadlines = KEYS[7], KEYS[8], KEYS[9]
--include leaves
--include leaving
call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[11])
if not leave(created, id) then
  leave(seek(id, math.huge) or 0, id)
end
created = string.format('%d', created * 1000)
if change ~= '' then
  if call('HLEN', KEYS[10]) >= 512 then
    call('DEL', KEYS[10])
  end
  call('HSET', KEYS[10], change, '', '=' .. own, created)
  call('PEXPIRE', KEYS[10], 60000)
end
call('SPUBLISH', bucket .. 'e:' .. namespace, 'd' .. id)
return {nonce, 1, user, created}
