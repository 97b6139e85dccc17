-- Sessions leave an index, or their deadlines move; see leaves.lua.

-- Look for an entry: its leaf, the leaf without it, and the earliest deadline of the others.
local function without(created, id)
  local start = start_of(created)
  local leaf = start and call('HGET', leaves, start) or ''
  local rest, least
  if start then
    for born, due, name, from, stop in entries(start, leaf) do
      if born == created and name == id then
        rest = string.sub(leaf, 1, from - 1) .. string.sub(leaf, stop + 1)
      elseif not least or due < least then
        least = due
      end
    end
  end
  return start, rest, least
end

local function leave(created, id)
  local start, rest, least = without(created, id)
  if not rest then
    return false
  end
  if rest == '' then
    call('HDEL', leaves, start)
    call('ZREM', creations, start)
    call('ZREM', deadlines, start)
  else
    call('HSET', leaves, start, rest)
    call('ZADD', deadlines, least, start)
  end
  call('HINCRBY', leaves, '', -1)
  if call('HLEN', leaves) == 1 then
    call('DEL', leaves)
  end
  return true
end

local function move(created, due, id)
  local start, rest, least = without(created, id)
  if rest then
    call('HSET', leaves, start, rest .. entry(start, created, due, id))
    call('ZADD', deadlines, math.min(due, least or due), start)
  end
end

-- Look for an entry whose creation is not known, among those that end until `till`; of the leaves in
-- which there are any, the first `most` are looked at.
local function seek(id, till, most)
  local creation
  each_due(till, function(start, leaf)
    if string.find(leaf, id .. '\0', 1, true) then
      for born, due, name in entries(start, leaf) do
        creation = name == id and due <= till and born or creation
      end
    end
    return creation
  end, most)
  return creation
end
