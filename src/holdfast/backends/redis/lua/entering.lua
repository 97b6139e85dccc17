-- Sessions come into an index; see leaves.lua.

-- Divide a leaf that is full, and say into which one the next creation belongs.
local function divide(start, leaf, created)
  local all = {}
  for born, due, id in entries(start, leaf) do
    all[#all + 1] = {born, due, id}
  end
  table.sort(all, function(one, other) return one[1] < other[1] end)
  if created > all[#all][1] then
    return struct.pack('>I6', created), ''
  end
  local function together(place)
    return place <= #all and all[place][1] == all[place - 1][1]
  end
  local half = math.floor(#all / 2) + 1
  while half > 1 and together(half) do
    half = half - 1
  end
  if half == 1 then
    half = math.floor(#all / 2) + 1
    while together(half) do
      half = half + 1
    end
  end
  if half > #all then
    return start, leaf
  end
  local upper = struct.pack('>I6', all[half][1])
  local texts, least = {[start] = '', [upper] = ''}, {[start] = math.huge, [upper] = math.huge}
  for place, one in ipairs(all) do
    local own = place < half and start or upper
    texts[own] = texts[own] .. entry(own, unpack(one))
    least[own] = math.min(least[own], one[2])
  end
  put(start, texts[start], least[start])
  put(upper, texts[upper], least[upper])
  local own = created < moment_of(upper) and start or upper
  return own, texts[own]
end

local function enter(created, due, id)
  local start = start_of(created)
  local leaf = start and call('HGET', leaves, start) or ''
  if not start or created - moment_of(start) >= SPAN then
    start, leaf = struct.pack('>I6', created), ''
  elseif #leaf + #id + 11 > LEAF then
    start, leaf = divide(start, leaf, created)
  end
  call('HSET', leaves, start, leaf .. entry(start, created, due, id))
  if leaf == '' then
    call('ZADD', creations, moment_of(start), start)
  end
  call('ZADD', deadlines, 'LT', due, start)
  call('HINCRBY', leaves, '', 1)
end
