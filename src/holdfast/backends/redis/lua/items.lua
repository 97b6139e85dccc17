#!lua flags=no-writes
-- Read a stretch of the log.
--
-- KEYS[1] session  KEYS[2] log
-- ARGV    nonce, after, limit
-- Returns {nonce, 0} absent, {nonce, 1, `m`, items}.
--
-- The session is described in apply.lua. An item is its number (40 bits), its time in ms (48 bits,
-- both little-endian), then what the change brought. Numbers grow, and may have gaps.
local call = redis.call
local nonce, after, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local length, last = struct.unpack('<I4I5', meta, 44)

local function number(index)
  return (struct.unpack('<I5', call('LINDEX', KEYS[2], index)))
end

if length == 0 or after >= last or limit <= 0 then
  return {nonce, 1, meta, {}}
end
local from, to = 0, length
if after < number(0) then
  to = 0
elseif last - number(0) + 1 == length then
  from, to = after - number(0) + 1, after - number(0) + 1
end
while from < to do
  local middle = math.floor((from + to) / 2)
  if number(middle) <= after then
    from = middle + 1
  else
    to = middle
  end
end
return {nonce, 1, meta, call('LRANGE', KEYS[2], from, from + limit - 1)}
