#!lua flags=no-writes
-- Read the note beside a session; see keep_draft.lua.
--
-- KEYS[1] session  KEYS[2] draft
-- ARGV    nonce
-- Returns {nonce, 0} absent, {nonce, 1, the note or nothing}.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {ARGV[1], 0}
end
return {ARGV[1], 1, redis.call('GET', KEYS[2])}
