#!lua flags=allow-oom
-- Give a lease back, or leave the line for it, and wake who is next.
--
-- KEYS[1] session  KEYS[2] lease  KEYS[3] line
-- ARGV    nonce, token, patience
-- Returns {nonce, 1} it was this token's, {nonce, 0} it was not.
--
-- Lease and line are described in acquire.lua.
local nonce, token, patience = ARGV[1], ARGV[2], tonumber(ARGV[3])

if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2], KEYS[3])
  return {nonce, 0}
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + math.floor(time[2] / 1000) * 1000

-- Pass over those who left or are gone, and ring for the first of the others; where there are too
-- many of them, whoever asks next goes on.
local function wake()
  local ends = redis.call('HMGET', KEYS[3], 'head', 'tail')
  local head, tail = tonumber(ends[1] or 1), tonumber(ends[2] or 0)
  local last = math.min(tail, head + 999)
  for here = head, last do
    local entry = redis.call('HGET', KEYS[3], '#' .. here)
    if entry then
      local asked = struct.unpack('<i8', entry)
      local process, name = entry:match('^(%S+) (.*)$', 9)
      if now - asked < patience and asked <= now then
        local bucket, session = KEYS[3]:match('^(hf:{%d+}:)q:(.*)$')
        redis.call('SPUBLISH', bucket .. 'w:' .. process, session .. ' ' .. name)
        redis.call('HSET', KEYS[3], 'head', here)
        return
      end
      redis.call('HDEL', KEYS[3], '#' .. here, '@' .. name)
    end
  end
  if last < tail then
    redis.call('HSET', KEYS[3], 'head', last + 1)
  else
    redis.call('DEL', KEYS[3])
  end
end

local held = 0
local lease = redis.call('GET', KEYS[2])
if lease and token ~= '' and lease:sub(25) == token then
  local till, lasting, fence = struct.unpack('<i8i8i8', lease)
  if till > now and till - now <= lasting then
    held = 1
  end
  redis.call('SET', KEYS[2], struct.pack('<i8i8i8', 0, 0, fence), 'KEEPTTL')
end
local place = redis.call('HGET', KEYS[3], '@' .. token)
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
if held == 1 or place then
  wake()
end
return {nonce, held}
