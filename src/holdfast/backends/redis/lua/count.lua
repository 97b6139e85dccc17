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
each_due(now, function(start, leaf)
  for _, due in entries(start, leaf) do
    sessions = sessions - (due <= now and 1 or 0)
  end
end)
return {ARGV[1], sessions}
