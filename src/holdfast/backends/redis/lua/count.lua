#!lua flags=no-writes
-- Count the live sessions of a namespace in a bucket.
--
-- KEYS[1] leaves  KEYS[2] creations  KEYS[3] deadlines
-- ARGV    nonce
-- Returns {nonce, how many}.
--
-- The index is described in leaves.lua. From all are taken those that have ended, which are few
-- where somebody collects them.
local call = redis.call
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local leaves, creations, deadlines = KEYS[1], KEYS[2], KEYS[3]
--include leaves

local sessions = tonumber(call('HGET', leaves, '') or 0)
local deadline, find = struct.unpack, string.find
each_due(now, function(_, leaf)
  -- All of them may have ended, so nothing is looked at but deadlines and where entries end.
  local at, size = 1, #leaf
  while at < size do
    if deadline('<I6', leaf, at + 4) <= now then
      sessions = sessions - 1
    end
    at = find(leaf, '\0', at + 10, true) + 1
  end
end)
return {ARGV[1], sessions}
