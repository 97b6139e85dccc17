#!lua flags=no-writes
-- Say which sessions of a namespace ended first in a bucket.
--
-- KEYS[1] leaves  KEYS[2] creations  KEYS[3] deadlines
-- ARGV    nonce, limit
-- Returns {nonce, {deadline (ms), creation (ms), id, deadline, creation, id, …}}.
--
-- The index is described in leaves.lua.
local call = redis.call
local nonce, limit = ARGV[1], tonumber(ARGV[2])
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local leaves, creations, deadlines = KEYS[1], KEYS[2], KEYS[3]
--include leaves

local due, enough = {}, limit
each_due(now, function(start, leaf)
  local least = math.huge
  local here = {}
  for created, deadline, id in entries(start, leaf) do
    if deadline <= now then
      here[#here + 1] = {deadline, created, id}
      least = math.min(least, deadline)
    end
  end
  if #due >= enough then
    -- Nothing in this leaf or a later one ended before that. It is not asked of each leaf.
    local earlier = 0
    for _, one in ipairs(due) do
      earlier = earlier + (one[1] <= least and 1 or 0)
    end
    if earlier >= limit then
      return true
    end
    enough = 1.5 * #due
  end
  for _, one in ipairs(here) do
    due[#due + 1] = one
  end
end)
table.sort(due, function(one, other) return one[1] < other[1] end)
local found = {}
for place = 1, math.min(limit, #due) do
  for _, part in ipairs(due[place]) do
    found[#found + 1] = part
  end
end
return {nonce, found}
