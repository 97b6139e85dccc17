#!lua flags=no-writes
-- Read a stretch of the sessions of a user in the order of creation and id.
--
-- KEYS[1] the user's sessions
-- ARGV    nonce, limit, earliest creation, latest creation (or `+inf`), id (none: leave out)
-- Returns {nonce, whether more follow (0 or 1), {id, creation, id, creation, …}}.
--
-- The index is described in index.lua. With an id it begins behind that one, provided that it was
-- created at the earliest moment; else it begins there, and the caller passes over what it has had.
local call = redis.call
local nonce, limit, least, greatest, id = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

local from
local score = id and call('ZSCORE', KEYS[1], id)
if score and tonumber(score) == tonumber(least) then
  from = call('ZRANK', KEYS[1], id) + 1
else
  from = call('ZCOUNT', KEYS[1], '-inf', '(' .. least)
end
local last = call('ZCOUNT', KEYS[1], '-inf', greatest) - 1
local to = math.min(last, from + limit - 1)
if to < from then
  return {nonce, 0, {}}
end
return {nonce, to < last and 1 or 0, call('ZRANGE', KEYS[1], from, to, 'WITHSCORES')}
