#!lua
-- Take the lease of a session, or stand in line for it.
--
-- KEYS[1] session  KEYS[2] lease  KEYS[3] line
-- ARGV    nonce, token, ttl, steal (0 or 1), waits (0 or 1), process, beat, patience
-- Returns {nonce, 0} absent, {nonce, 1, fence} granted, {nonce, 2, remaining, beat} held.
--
-- Times are microseconds; `now` is whole milliseconds. The lease is a string: until, ttl, fence as
-- little-endian int64, then the token of its holder ("" when nobody has it). It is valid while
-- 0 < until - now <= ttl: an end that is further off than the ttl is from before the clock was set
-- back. It stays as long as the session can, for the fence must grow from holder to holder.
--
-- The line is a hash: `head` and `tail` are places, `#<place>` is who stands there (int64 of when it
-- last asked, then `<process> <token>`), `@<token>` is that token's place. Whoever has not asked for
-- `patience` counts as gone; who waits is told to ask again after `beat` at most. A wake-up goes to
-- the channel `hf:{bucket}:w:<process>` and says `<name of the session> <token>`. Who leaves at the
-- tail takes the empty places before it along; of those elsewhere a call passes 1000 at most.
local nonce, token, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3])
local steal, waits, process = ARGV[4] == '1', ARGV[5] == '1', ARGV[6]
local beat, patience = tonumber(ARGV[7]), tonumber(ARGV[8])

local meta = redis.call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, 0}
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000

local left, fence, holder = 0, 0, ''
local lease = redis.call('GET', KEYS[2])
if lease then
  local till, lasting
  till, lasting, fence = struct.unpack('<i8i8i8', lease)
  holder = lease:sub(25)
  left = till - now
  if holder == '' or left <= 0 or left > lasting then
    left = 0
  end
end

local place = redis.call('HGET', KEYS[3], '@' .. token)

local function leave()
  if place then
    redis.call('HDEL', KEYS[3], '@' .. token, '#' .. place)
    local ends = redis.call('HMGET', KEYS[3], 'head', 'tail')
    local head, tail = tonumber(ends[1] or 1), tonumber(ends[2])
    if tonumber(place) == tail then
      local least = math.max(head - 1, tail - 1000)
      repeat
        tail = tail - 1
      until tail <= least or redis.call('HEXISTS', KEYS[3], '#' .. tail) == 1
      redis.call('HSET', KEYS[3], 'tail', tail)
    end
  end
end

-- Pass over those who left or are gone; give who is first, and when it last asked. Where there are
-- too many of them it is nobody ('') yet, and worth asking again a millisecond later.
local function first()
  local ends = redis.call('HMGET', KEYS[3], 'head', 'tail')
  local head, tail = tonumber(ends[1] or 1), tonumber(ends[2] or 0)
  local last = math.min(tail, head + 999)
  for here = head, last do
    local entry = redis.call('HGET', KEYS[3], '#' .. here)
    if entry then
      local asked = struct.unpack('<i8', entry)
      local name = entry:match(' (.*)$', 9)
      if name == token or (now - asked < patience and asked <= now) then
        if here > head then
          redis.call('HSET', KEYS[3], 'head', here)
        end
        return name, asked
      end
      redis.call('HDEL', KEYS[3], '#' .. here, '@' .. name)
    end
  end
  if last < tail then
    redis.call('HSET', KEYS[3], 'head', last + 1)
    return '', now + 1000 - patience
  end
  redis.call('DEL', KEYS[3])
  place = false
end

local function grant()
  if left == 0 or holder ~= token then
    fence = math.max(fence + 1, now)
  end
  local value = struct.pack('<i8i8i8', now + ttl, ttl, fence) .. token
  local cap = struct.unpack('<I7', meta, 37)
  redis.call('SET', KEYS[2], value, 'PXAT', string.format('%.0f', math.ceil(cap / 1000)))
  leave()
  return {nonce, 1, fence}
end

if steal or (left > 0 and holder == token) then
  return grant()
end
local head, asked = first()
if left == 0 and (not head or head == token) then
  return grant()
end
local remaining = left > 0 and left or asked + patience - now
if not waits then
  leave()
  return {nonce, 2, remaining, 0}
end
if not place then
  place = redis.call('HINCRBY', KEYS[3], 'tail', 1)
  head = head or token
end
local entry = struct.pack('<i8', now) .. process .. ' ' .. token
redis.call('HSET', KEYS[3], '#' .. place, entry, '@' .. token, place)
redis.call('PEXPIRE', KEYS[3], 10000)
-- Who is first comes back when the lease ends; when nobody has it, all do when the first is gone.
if left == 0 or head == token then
  beat = math.min(beat, remaining)
end
return {nonce, 2, remaining, beat}
