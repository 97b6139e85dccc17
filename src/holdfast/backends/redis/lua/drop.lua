#!lua
-- Remove the newest item of the log, or all.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] deadlines
-- ARGV    nonce, everything (0 or 1), slide (0 or 1)
-- Returns {nonce, 0} absent, {nonce, 1, revision, the item or nothing}.
--
-- The session is described in apply.lua, items in items.lua. The event says `u<id>`.
local call = redis.call
local nonce, everything = ARGV[1], ARGV[2] == '1'

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local time = call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
local revision, created, updated, active, base, ttl, cap, length, last =
  struct.unpack('<i8i8i8i8i8i8i8i8i8', meta)
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')

local item = false
now, revision = math.max(now, created), revision + 1
if everything then
  call('DEL', KEYS[2])
  length = 0
elseif length > 0 then
  item = call('RPOP', KEYS[2])
  length = length - 1
end
local moved = ARGV[3] == '1' and now - base >= math.min(1000000, ttl / 1000)
if moved then
  base = now
end
call('HSET', KEYS[1], 'm', struct.pack('<i8i8i8i8i8i8i8i8i8', revision, created, now, now, base, ttl,
  cap, length, last) .. meta:sub(73))
if moved then
  local deadline = math.min(base + ttl, cap)
  call('PEXPIREAT', KEYS[1], math.ceil(deadline / 1000) - 1)
  call('ZADD', KEYS[3], string.format('%d', deadline), id)
end
call('SPUBLISH', bucket .. 'e:' .. namespace, 'u' .. id)
return {nonce, 1, revision, item}
