#!lua
-- Bring a session into being, unless its id is taken.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] changes  KEYS[4] older changes  KEYS[5] line  KEYS[6] lease
-- KEYS[7] leaves  KEYS[8] creations  KEYS[9] deadlines  KEYS[10] deletions
-- KEYS[11] draft  KEYS[12] its user's sessions, where they are in this bucket
-- ARGV    nonce, incarnation, ttl, greatest age, size, whether the id was made for it (0 or 1), what
--         stands in `m` behind the size, then tags and values in turn
-- Returns {nonce, 1, now} created, {nonce, 0, fields and values in turn} there is one.
--
-- The formats are described in apply.lua, the index in leaves.lua, the user's in index.lua. What is
-- left of an earlier session of this id goes. The event says `c<id>`, after `x<id>` if that one had
-- expired and nobody had collected it; where too many have, it is not looked for, see purge.lua.
local call = redis.call
local nonce, ttl, age = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])

-- Sent again, after what it created has been deleted: it is answered like the first time.
local ended = call('HGET', KEYS[10], '=' .. ARGV[2])
if ended then
  return {nonce, 1, ended}
end
local found = call('HGETALL', KEYS[1])
if #found > 0 then
  return {nonce, 0, found}
end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cap = now * 1000 + age
local due = math.ceil(math.min(now * 1000 + ttl, cap) / 1000)
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')
local leaves, creations, deadlines = KEYS[7], KEYS[8], KEYS[9]
--include leaves
--include entering
--include leaving

if ARGV[6] == '0' then
  call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[11])
  -- What has ended and was not collected is still in the index, and is looked for among the first of
  -- that: some 2,700 sessions, in half a millisecond.
  local earlier = seek(id, now, 100)
  if earlier and leave(earlier, id) then
    call('SPUBLISH', bucket .. 'e:' .. namespace, 'x' .. id)
  end
end
local meta = struct.pack('<I5I6I6I6I6I7I7I4I5I4', 1, now, now, now, now, ttl, cap, 0, 0, ARGV[5])
call('HSET', KEYS[1], 'm', meta .. ARGV[7], unpack(ARGV, 8, math.min(1007, #ARGV)))
for place = 1008, #ARGV, 1000 do
  call('HSET', KEYS[1], unpack(ARGV, place, math.min(place + 999, #ARGV)))
end
call('PEXPIREAT', KEYS[1], due - 1)
enter(now, due, id)
local created = string.format('%d', now * 1000)
if KEYS[12] then
  call('ZADD', KEYS[12], 'LT', -age, '')
  call('ZREMRANGEBYSCORE', KEYS[12], 0, string.format('%d', now * 1000 + call('ZSCORE', KEYS[12], '')))
  call('ZADD', KEYS[12], created, id)
  local last = string.format('%d', math.ceil(cap / 1000))
  if call('PEXPIREAT', KEYS[12], last, 'NX') == 0 then
    call('PEXPIREAT', KEYS[12], last, 'GT')
  end
end
call('SPUBLISH', bucket .. 'e:' .. namespace, 'c' .. id)
return {nonce, 1, created}
