#!lua
-- Put ciphertext in the place of other ciphertext that says the same.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] draft
-- ARGV    nonce; how many values and items (uint32), and whether a draft and a user's tag (a byte
--         each) come; of each value its tag, what is there, the new tag, what is to be there; of each
--         item its number, what is there, what is to be there; draft and tag as they are and are to be
-- Returns {nonce, 0} absent, {nonce, 1, how many parts were exchanged}.
--
-- A part that is not what it is said to be stays. The session is described in apply.lua, items in
-- items.lua. It is no change: there is no event.
local call = redis.call
local nonce = ARGV[1]
local values, items, draft, user = struct.unpack('<I4I4BB', ARGV[2])

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local head, size = string.sub(meta, 1, 52), struct.unpack('<I4', meta, 53)
local incarnation, tag, tail = struct.unpack('<Bc0Bc0', meta, 57)
local length = struct.unpack('<I4', meta, 44)
local parts, moved, at = 0, false, 3

for _ = 1, values do
  if call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    call('HDEL', KEYS[1], ARGV[at])
    call('HSET', KEYS[1], ARGV[at + 2], ARGV[at + 3])
    size = size + math.max(0, #ARGV[at + 3] - #ARGV[at + 1])
    parts, moved = parts + 1, true
  end
  at = at + 4
end

local function number(index)
  return (struct.unpack('<I5', call('LINDEX', KEYS[2], index)))
end

local function place(wanted)
  local from, to = 0, length
  while from < to do
    local middle = math.floor((from + to) / 2)
    if number(middle) < wanted then
      from = middle + 1
    else
      to = middle
    end
  end
  return from
end

for _ = 1, items do
  local sealed, resealed = ARGV[at + 1], ARGV[at + 2]
  local index = place(tonumber(ARGV[at]))
  local item = index < length and call('LINDEX', KEYS[2], index)
  if item and struct.unpack('<I5', item) == tonumber(ARGV[at]) and #item > #sealed + 12
    and string.sub(item, #item - #sealed + 1) == sealed then
    call('LSET', KEYS[2], index, string.sub(item, 1, #item - #sealed) .. resealed)
    parts = parts + 1
  end
  at = at + 3
end

if draft == 1 then
  if ARGV[at] ~= '' and call('GET', KEYS[3]) == ARGV[at] then
    local cap = struct.unpack('<I7', meta, 37)
    call('SET', KEYS[3], ARGV[at + 1], 'PXAT', string.format('%.0f', math.ceil(cap / 1000)))
    parts = parts + 1
  end
  at = at + 2
end
if user == 1 and ARGV[at] == tag then
  tag, moved, parts = ARGV[at + 1], true, parts + 1
end
if moved then
  call('HSET', KEYS[1], 'm', head .. struct.pack('<I4Bc0Bc0', size, #incarnation, incarnation, #tag,
    tag) .. string.sub(meta, tail))
end
return {nonce, 1, parts}
