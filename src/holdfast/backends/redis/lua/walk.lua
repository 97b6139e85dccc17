#!lua flags=no-writes
-- Read a stretch of the sessions of a namespace, in the order of creation.
--
-- KEYS[1] leaves  KEYS[2] creations  KEYS[3] deadlines
-- ARGV    nonce, limit, earliest creation, latest creation (or `+inf`), in microseconds
-- Returns {nonce, whether more follow (0 or 1), {id, creation, id, creation, …}}.
--
-- The index is described in leaves.lua. The answer is at least `limit` sessions created after the
-- earliest moment asked for, unless there are no more, and all that were created at it; whole
-- leaves, so that the sessions of one moment are together. Within a leaf they are in no order.
local call = redis.call
local nonce, limit, latest = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[4]) or math.huge
local earliest = math.ceil(tonumber(ARGV[3]) / 1000)
local leaves, creations, deadlines = KEYS[1], KEYS[2], KEYS[3]
--include leaves

local first = start_of(earliest)
local rank = first and call('ZRANK', creations, first) or 0
local found, later = {}, 0
while later < limit do
  local starts = call('ZRANGE', creations, rank, rank + math.min(math.ceil(limit / 16), 100))
  if #starts == 0 or moment_of(starts[1]) * 1000 > latest then
    return {nonce, 0, found}
  end
  for place, leaf in ipairs(call('HMGET', leaves, unpack(starts))) do
    for created, _, id in entries(starts[place], leaf or '') do
      if created >= earliest and created * 1000 <= latest then
        found[#found + 1] = id
        found[#found + 1] = created * 1000
        later = later + (created > earliest and 1 or 0)
      end
    end
  end
  rank = rank + #starts
end
return {nonce, 1, found}
