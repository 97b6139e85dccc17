#!lua
-- Bring a session into being, unless its id is taken.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] changes  KEYS[4] older changes  KEYS[5] lease  KEYS[6] line
-- KEYS[7] deadlines  KEYS[8] creations  KEYS[9] deletions
-- KEYS[10] draft  KEYS[11] its user's sessions, where they are in this bucket
-- ARGV    nonce, incarnation, ttl, greatest age, size, what stands in `m` behind the size,
--         then tags and values in turn
-- Returns {nonce, 1, now} created, {nonce, 0, fields and values in turn} there is one.
--
-- The formats are described in apply.lua, the user's index in index.lua. What is left of an earlier
-- session of this id goes. The event says `c<id>`, after `x<id>` if that one had expired and nobody
-- had collected it.
local call = redis.call
local nonce, ttl, age = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])

-- Sent again, after what it created has been deleted: it is answered like the first time.
local ended = call('HGET', KEYS[9], '=' .. ARGV[2])
if ended then
  return {nonce, 1, ended}
end
local found = call('HGETALL', KEYS[1])
if #found > 0 then
  return {nonce, 0, found}
end
local time = call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
local cap = now + age
local deadline = math.min(now + ttl, cap)
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')

-- An earlier session that has left anything has its place among the deadlines too.
if call('ZADD', KEYS[7], string.format('%d', deadline), id) == 0 then
  call('DEL', KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[10])
  call('SPUBLISH', bucket .. 'e:' .. namespace, 'x' .. id)
end
local meta = struct.pack('<i8i8i8i8i8i8i8i8i8i8', 1, now, now, now, now, ttl, cap, 0, 0, ARGV[5])
call('HSET', KEYS[1], 'm', meta .. ARGV[6], unpack(ARGV, 7, math.min(1006, #ARGV)))
for place = 1007, #ARGV, 1000 do
  call('HSET', KEYS[1], unpack(ARGV, place, math.min(place + 999, #ARGV)))
end
call('PEXPIREAT', KEYS[1], math.ceil(deadline / 1000) - 1)
local created = string.format('%d', now)
call('ZADD', KEYS[8], created, id)
if KEYS[11] then
  call('ZADD', KEYS[11], 'LT', -age, '')
  call('ZREMRANGEBYSCORE', KEYS[11], 0, string.format('%d', now + call('ZSCORE', KEYS[11], '')))
  call('ZADD', KEYS[11], created, id)
  local last = string.format('%d', math.ceil(cap / 1000))
  if call('PEXPIREAT', KEYS[11], last, 'NX') == 0 then
    call('PEXPIREAT', KEYS[11], last, 'GT')
  end
end
call('SPUBLISH', bucket .. 'e:' .. namespace, 'c' .. id)
return {nonce, 1, created}
