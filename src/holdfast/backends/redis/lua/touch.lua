#!lua
-- Record activity, and start the idle time again where that is asked for.
--
-- KEYS[1] session  KEYS[2] leaves  KEYS[3] creations  KEYS[4] deadlines
-- ARGV    nonce, slide (0 or 1), ttl (-1: stays)
-- Returns {nonce, 0} absent, {nonce, 1, fields and values in turn}.
--
-- The session is described in apply.lua, the index in leaves.lua. Soon after the last one (a second,
-- or a thousandth of the idle time) nothing is written, which caches would have to be told of.
local call = redis.call
local nonce, new_ttl = ARGV[1], tonumber(ARGV[3])

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local revision, created, updated, active, base, ttl, cap =
  struct.unpack('<I5I6I6I6I6I7I7I4I5I4Bc0Bc0', meta)
local slides = ARGV[2] == '1'

local found
local last = slides and base or active
if new_ttl >= 0 or now - last >= math.min(1000, ttl / 1000000) then
  local moved = slides or new_ttl >= 0
  base = moved and now or base
  ttl = new_ttl >= 0 and new_ttl or ttl
  meta = struct.pack('<I5I6I6I6I6I7I7', revision, created, updated, now, base, ttl, cap)
    .. meta:sub(44)
  call('HSET', KEYS[1], 'm', meta)
  found = call('HGETALL', KEYS[1])
  if moved then
    local leaves, creations, deadlines = KEYS[2], KEYS[3], KEYS[4]
    local due = math.ceil(math.min(base * 1000 + ttl, cap) / 1000)
    --include leaves
    --include leaving
    call('PEXPIREAT', KEYS[1], due - 1)
    move(created, due, KEYS[1]:match('/(.*)$'))
  end
end
return {nonce, 1, found or call('HGETALL', KEYS[1])}
