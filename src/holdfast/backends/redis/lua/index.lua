#!lua
-- Put a session into the index of its user, where that is in another slot than the session.
--
-- KEYS[1] the user's sessions
-- ARGV    nonce, id, greatest age
-- Returns {nonce}.
--
-- The index is a sorted set: id -> creation, and under the empty name how old the oldest session of
-- the user may get, less than 0. It may name sessions that have ended; those past that age go.
local call = redis.call
local age = tonumber(ARGV[3])
local time = call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000

call('ZADD', KEYS[1], 'LT', -age, '')
call('ZREMRANGEBYSCORE', KEYS[1], 0, string.format('%d', now + call('ZSCORE', KEYS[1], '')))
call('ZADD', KEYS[1], string.format('%d', now), ARGV[2])
local last = string.format('%d', math.ceil((now + age) / 1000) + 60000)
if call('PEXPIREAT', KEYS[1], last, 'NX') == 0 then
  call('PEXPIREAT', KEYS[1], last, 'GT')
end
return {ARGV[1]}
