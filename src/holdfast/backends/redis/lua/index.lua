#!lua
-- Put a session into the index of its user, where the script that creates the session does not.
--
-- KEYS[1] the user's sessions
-- ARGV    nonce, id, greatest age, creation (0: now)
-- Returns {nonce}.
--
-- The index is a sorted set: id -> creation, and under the empty name how old the oldest session of
-- the user may get, less than 0. It may name sessions that have ended; those past that age go.
local call = redis.call
local age, created = tonumber(ARGV[3]), tonumber(ARGV[4])
local time = call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
created = created > 0 and created or now

call('ZADD', KEYS[1], 'LT', -age, '')
call('ZREMRANGEBYSCORE', KEYS[1], 0, string.format('%d', now + call('ZSCORE', KEYS[1], '')))
call('ZADD', KEYS[1], string.format('%d', created), ARGV[2])
local last = string.format('%d', math.ceil((created + age) / 1000) + 60000)
if call('PEXPIREAT', KEYS[1], last, 'NX') == 0 then
  call('PEXPIREAT', KEYS[1], last, 'GT')
end
return {ARGV[1]}
