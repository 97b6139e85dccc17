#!lua
-- Remove the newest item of the log, or all.
--
-- KEYS[1] session  KEYS[2] log  KEYS[3] leaves  KEYS[4] creations  KEYS[5] deadlines
-- ARGV    nonce, everything (0 or 1), slide (0 or 1)
-- Returns {nonce, 0} absent, {nonce, 1, revision, the item or nothing}.
--
-- The session is described in apply.lua, items in items.lua, the index in leaves.lua. The event says
-- `u<id>`.
local call = redis.call
local nonce, everything = ARGV[1], ARGV[2] == '1'

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local revision, created, updated, active, base, ttl, cap, length, last =
  struct.unpack('<I5I6I6I6I6I7I7I4I5I4Bc0Bc0', meta)
local bucket, namespace, id = string.match(KEYS[1], '^(hf:{%d+}:)s:([^/]*)/(.*)$')

local item = false
now, revision = math.max(now, created), revision + 1
if everything then
  call('DEL', KEYS[2])
  length = 0
elseif length > 0 then
  item = call('RPOP', KEYS[2])
  length = length - 1
end
local moved = ARGV[3] == '1' and now - base >= math.min(1000, ttl / 1000000)
if moved then
  base = now
end
call('HSET', KEYS[1], 'm', struct.pack('<I5I6I6I6I6I7I7I4I5', revision, created, now, now, base, ttl,
  cap, length, last) .. meta:sub(53))
if moved then
  local leaves, creations, deadlines = KEYS[3], KEYS[4], KEYS[5]
  local due = math.ceil(math.min(base * 1000 + ttl, cap) / 1000)
  --include leaves
  --include leaving
  call('PEXPIREAT', KEYS[1], due - 1)
  move(created, due, id)
end
call('SPUBLISH', bucket .. 'e:' .. namespace, 'u' .. id)
return {nonce, 1, revision, item}
