#!lua
-- Record activity, and start the idle time again where that is asked for.
--
-- KEYS[1] session  KEYS[2] deadlines
-- ARGV    nonce, slide (0 or 1), ttl (-1: stays)
-- Returns {nonce, 0} absent, {nonce, 1, fields and values in turn}.
--
-- The session is described in apply.lua. Soon after the last one (a second, or a thousandth of the
-- idle time) nothing is written, which caches would have to be told of.
local call = redis.call
local nonce, new_ttl = ARGV[1], tonumber(ARGV[3])

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local time = call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
local active, base, ttl, cap = struct.unpack('<i8i8i8i8', meta, 25)
local slides = ARGV[2] == '1'

local found
local last = slides and base or active
if new_ttl >= 0 or now - last >= math.min(1000000, ttl / 1000) then
  local moved = slides or new_ttl >= 0
  base = moved and now or base
  ttl = new_ttl >= 0 and new_ttl or ttl
  meta = meta:sub(1, 24) .. struct.pack('<i8i8i8', now, base, ttl) .. meta:sub(49)
  call('HSET', KEYS[1], 'm', meta)
  found = call('HGETALL', KEYS[1])
  if moved then
    local deadline = math.min(base + ttl, cap)
    call('PEXPIREAT', KEYS[1], math.ceil(deadline / 1000) - 1)
    call('ZADD', KEYS[2], string.format('%d', deadline), KEYS[1]:match('/(.*)$'))
  end
end
return {nonce, 1, found or call('HGETALL', KEYS[1])}
