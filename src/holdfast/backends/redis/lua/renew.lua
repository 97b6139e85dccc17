#!lua flags=allow-oom
-- Start the time of a lease again; its format is described in acquire.lua.
--
-- KEYS[1] session  KEYS[2] lease
-- ARGV    nonce, token, ttl
-- Returns {nonce, 0} absent, {nonce, 1, fence} renewed, {nonce, 2} not this token's.
local nonce, token, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])

if redis.call('EXISTS', KEYS[1]) == 0 then
  return {nonce, 0}
end
local lease = redis.call('GET', KEYS[2])
if not lease or token == '' or lease:sub(25) ~= token then
  return {nonce, 2}
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
local till, lasting, fence = struct.unpack('<i8i8i8', lease)
if till <= now or till - now > lasting then
  return {nonce, 2}
end
redis.call('SET', KEYS[2], struct.pack('<i8i8i8', now + ttl, ttl, fence) .. token, 'KEEPTTL')
return {nonce, 1, fence}
