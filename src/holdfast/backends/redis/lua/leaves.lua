-- The index of a namespace in its bucket; a script says which keys it is in, and includes this.
--
-- `leaves`     hash: start -> entries; under the empty name how many sessions there are
-- `creations`  sorted set: start -> start, the earliest creation (ms) that belongs into the leaf
-- `deadlines`  sorted set: start -> the earliest deadline (ms) in the leaf
--
-- Sessions created next to each other stand in one leaf, about LEAF bytes of them, for a place of its
-- own in a sorted set takes six times as much as an entry. A start is six bytes. An entry is the
-- creation (ms after the start, uint32), the deadline (ms, uint48), the id and a zero byte; entries
-- are in no order. Those created in one millisecond are in one leaf.
local LEAF, SPAN = 1016, 4294967296

local function start_of(created)
  return call('ZRANGE', creations, created, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, 1)[1]
end

local function moment_of(start)
  return (struct.unpack('>I6', start))
end

-- Read a leaf: of each entry the creation, the deadline, the id, and where it begins and ends.
local function entries(start, leaf)
  local at, since = 1, moment_of(start)
  return function()
    if at > #leaf then
      return nil
    end
    local after, due = struct.unpack('<I4I6', leaf, at)
    local from, stop = at, string.find(leaf, '\0', at + 10, true)
    at = stop + 1
    return since + after, due, string.sub(leaf, from + 10, stop - 1), from, stop
  end
end

local function entry(start, created, due, id)
  return struct.pack('<I4I6', created - moment_of(start), due) .. id .. '\0'
end

local function put(start, leaf, due)
  call('HSET', leaves, start, leaf)
  call('ZADD', creations, moment_of(start), start)
  call('ZADD', deadlines, due, start)
end

-- Go through the leaves in which something has ended, by the earliest, until `visit` has enough, or
-- through the first `most`.
local function each_due(now, visit, most)
  local seen, size = 0, 100
  repeat
    local starts = call('ZRANGE', deadlines, '-inf', now, 'BYSCORE', 'LIMIT', seen, size)
    for first = 1, #starts, 100 do
      local last = math.min(first + 99, #starts)
      local found = call('HMGET', leaves, unpack(starts, first, last))
      for place = first, last do
        local leaf = found[place - first + 1]
        if leaf and visit(starts[place], leaf) then
          return
        end
      end
    end
    seen, size = seen + #starts, 2 * size
  until #starts < size / 2 or seen >= (most or math.huge)
end
