#!lua
-- Put a note beside a session, or take it away.
--
-- KEYS[1] session  KEYS[2] draft  KEYS[3] lease, where it has to be held
-- ARGV    nonce, the note (empty: take it away), token (none: leave out)
-- Returns {nonce, 0} absent, {nonce, 1} kept, {nonce, 2} the lease is not this token's.
--
-- The draft is a string. It stays as long as the session can; without the session it is none. The
-- session is described in apply.lua, the lease in acquire.lua.
local call = redis.call
local nonce, note, token = ARGV[1], ARGV[2], ARGV[3]

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
if token then
  local lease = call('GET', KEYS[3])
  if not lease or token == '' or lease:sub(25) ~= token then
    return {nonce, 2}
  end
  local time = call('TIME')
  local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000
  local till, lasting = struct.unpack('<i8i8', lease)
  if till <= now or till - now > lasting then
    return {nonce, 2}
  end
end
if note == '' then
  call('DEL', KEYS[2])
else
  local cap = struct.unpack('<I7', meta, 37)
  call('SET', KEYS[2], note, 'PXAT', string.format('%.0f', math.ceil(cap / 1000)))
end
return {nonce, 1}
