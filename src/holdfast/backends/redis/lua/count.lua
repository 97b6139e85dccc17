#!lua flags=no-writes
-- Count the live sessions of a namespace in a bucket.
--
-- KEYS[1] deadlines
-- ARGV    nonce
-- Returns {nonce, how many}.
local time = redis.call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
return {ARGV[1], redis.call('ZCOUNT', KEYS[1], string.format('(%d', now), '+inf')}
