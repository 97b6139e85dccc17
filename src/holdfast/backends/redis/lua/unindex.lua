#!lua flags=allow-oom
-- Take a session that has ended out of the index of its user, not one that has its id since.
--
-- KEYS[1] the user's sessions
-- ARGV    nonce, id, creation
-- Returns {nonce}.
--
-- The index is described in index.lua; without a session it goes.
if redis.call('ZSCORE', KEYS[1], ARGV[2]) == ARGV[3] then
  redis.call('ZREM', KEYS[1], ARGV[2])
  if redis.call('ZCARD', KEYS[1]) == 1 then
    redis.call('DEL', KEYS[1])
  end
end
return {ARGV[1]}
