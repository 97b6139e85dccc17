#!lua
-- Take from a rate limit: the generic cell rate algorithm as in holdfast.gcra.
--
-- KEYS[1] limit
-- ARGV    nonce, interval, burst, cost
-- Returns {nonce, allowed (0 or 1), remaining, retry after, reset after}.
--
-- A limit is when the bucket would be full again, in microseconds; it ends then.
local call = redis.call
local nonce, interval, burst, cost = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = call('TIME')
local now = time[1] * 1000000 + time[2]

local window = interval * burst
local full = tonumber(call('GET', KEYS[1]) or 0)
if full <= now or full > now + window then
  full = now
end
local after = math.max(now, full + interval * cost)
if after > now + window then
  return {nonce, 0, math.floor((now + window - full) / interval), after - window - now, full - now}
end
call('SET', KEYS[1], string.format('%d', after), 'PXAT', math.ceil(after / 1000))
return {nonce, 1, math.floor((now + window - after) / interval), 0, after - now}
