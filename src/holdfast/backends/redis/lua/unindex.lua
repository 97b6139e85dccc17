#!lua flags=allow-oom
-- Take a session that has ended out of the index of its user, not one that has its id since.
--
-- KEYS[1] the user's sessions
-- ARGV    nonce, id, creation
-- Returns {nonce}.
if redis.call('ZSCORE', KEYS[1], ARGV[2]) == ARGV[3] then
  redis.call('ZREM', KEYS[1], ARGV[2])
end
return {ARGV[1]}
