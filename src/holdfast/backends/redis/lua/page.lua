#!lua flags=no-writes
-- Read a stretch of an index in the order of score and id.
--
-- KEYS[1] deadlines or creations of a namespace, or the sessions of a user
-- ARGV    nonce, limit, least score, greatest score (or `now`), id (none: leave out)
-- Returns {nonce, {id, score, id, score, …}}.
--
-- With an id it begins behind that one, provided that it stands at the least score; else it begins
-- with the least score, and the caller passes over what it has had.
local call = redis.call
local nonce, limit, least, greatest, id = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]

if greatest == 'now' then
  local time = call('TIME')
  greatest = string.format('%d', time[1] * 1000000 + math.floor(time[2] / 1000) * 1000)
end
local from
local score = id and call('ZSCORE', KEYS[1], id)
if score and tonumber(score) == tonumber(least) then
  from = call('ZRANK', KEYS[1], id) + 1
else
  from = call('ZCOUNT', KEYS[1], '-inf', '(' .. least)
end
local to = call('ZCOUNT', KEYS[1], '-inf', greatest) - 1
to = math.min(to, from + limit - 1)
if to < from then
  return {nonce, {}}
end
return {nonce, call('ZRANGE', KEYS[1], from, to, 'WITHSCORES')}
