#!lua
-- Change a session, all of it or nothing.
--
-- KEYS[1] session  KEYS[2] changes  KEYS[3] older changes  then, as far as they are needed:
-- KEYS[4] log  KEYS[5] leaves  KEYS[6] creations  KEYS[7] deadlines  KEYS[8] lease
-- KEYS[9] deletions (for a repetition)
-- ARGV[1] header: nonce, remember, slide, conditional, minted, most items, most bytes, how many tags
--         to unset, values to set, items to append; change id and digest, whose lengths come first; of a
--         conditional change: replace, repeated, expected revision (-1: any), known revision, ttl
--         (-1: stays), how many user tags, the incarnation known with the known revision (length 0:
--         none), incarnation and lease token (length 65535: none), whose lengths come first, and
--         the user tags, each after its length; last what to do with integers: a byte (0 put, 1 add,
--         2 claim), the name after its length, the value or delta, and the limit
-- ARGV[2…] tags to unset; tags and values to set, in turn; items to append
-- Returns {nonce, answer}; the answer begins with a byte that says what it is.
--
-- The session is a hash: sealed values, and under `m`, little-endian, revision (uint40), created,
-- updated, active and base (ms, uint48), ttl and cap (microseconds, uint56), length (uint32), last
-- item (uint40), size (uint32), incarnation and user tag after their lengths (a byte), and the
-- integers as `;name=12;other=0;` (one whose name holds a dot is not kept at 0). The size may be more
-- than the values take, never less. The index is described in leaves.lua.
-- Changes are a hash: change id -> revision, first and last item, digest, integers; under the empty
-- name the revision from which on it knows all changes, when it ends (ms), and the same revision of
-- the older changes (-1: there are none). At 256 it becomes the older one. With nothing but changes
-- that no caller named it ends two to three minutes after the last; with others it stays as long as
-- the session can.
-- The event goes to `hf:{bucket}:e:<namespace>` and says `u<id>`.
local call, find, sub, pack, unpack_ = redis.call, string.find, string.sub, struct.pack, struct.unpack
local header = ARGV[1]
local nonce, remember, slide, conditional, minted, most_items, most_bytes, unsets, sets, items,
  id_size, digest_size, at = unpack_('<c8BBBBi8i8I4I4I4HH', header)
local change = sub(header, at, at + id_size - 1)
at = at + id_size
local digest = sub(header, at, at + digest_size - 1)
at = at + digest_size
local replace, repeated, expected, known_revision, new_ttl, users, life_size, incarnation_size,
  token_size = 0, 0, -1, 0, -1, 0, 0, 65535, 65535
if conditional == 1 then
  replace, repeated, expected, known_revision, new_ttl, users, life_size, incarnation_size,
    token_size, at = unpack_('<BBi8i8i8I4HHH', header, at)
  at = at + life_size
end

local meta = call('HGET', KEYS[1], 'm')
if not meta then
  return {nonce, '\0'}
end
local revision, created, updated, active, base, ttl, cap, length, last, size, incarnation, user, tail =
  unpack_('<I5I6I6I6I6I7I7I4I5I4Bc0Bc0', meta)
local time = call('TIME')
local now = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000

-- Was it applied before?
local kept = false
local start, ends, older = revision > 1 and revision or 0, 0, -1
if id_size > 0 then
  -- An id that was made for this change, and is sent for the first time, cannot be known.
  local fresh = minted == 1
  local known = fresh and {false, call('HGET', KEYS[2], '')} or call('HMGET', KEYS[2], change, '')
  kept = known[2]
  if kept then
    start, ends, older = unpack_('<i8i8i8', kept)
  end
  local floor = start
  if older >= 0 and not known[1] and not fresh then
    known = call('HMGET', KEYS[3], change, '')
    floor = known[2] and older or start
  end
  if known[1] then
    return {nonce, '\2' .. pack('<Hc0', #incarnation, incarnation) .. known[1]}
  end
  if repeated == 1 then
    -- It may have been applied to an earlier session of this id: to another than the one that was
    -- known, or, where none was, to one that was deleted within the last minute.
    local earlier = life_size > 0 and sub(header, at - life_size, at - 1) ~= incarnation
      or life_size == 0 and call('EXISTS', KEYS[9]) == 1
    if earlier or known_revision < floor then
      return {nonce, '\3'}
    end
  end
end

-- Is anything against it?
if incarnation_size < 65535 then
  if sub(header, at, at + incarnation_size - 1) ~= incarnation then
    expected = -2
  end
  at = at + incarnation_size
end
if token_size < 65535 then
  local lease = call('GET', KEYS[8])
  if not lease or #lease ~= 24 + token_size or sub(lease, 25) ~= sub(header, at, at + token_size - 1) then
    return {nonce, '\4'}
  end
  local till, lasting = unpack_('<i8i8', lease)
  if token_size == 0 or till <= now * 1000 or till - now * 1000 > lasting then
    return {nonce, '\4'}
  end
  at = at + token_size
end
if expected ~= -1 and expected ~= revision then
  return {nonce, '\5' .. pack('<i8', revision)}
end
local integers = sub(meta, tail)
if replace == 1 then
  local owner, first = false, nil
  for _ = 1, users do
    local tag
    tag, at = unpack_('<Hc0', header, at)
    first = first or tag
    owner = owner or tag == user
  end
  if not owner then
    return {nonce, '\6'}
  end
  user, integers, size = first, ';', 0
end
while at <= #header do
  local kind, name, number, limit, stop
  kind, name, number, limit, at = unpack_('<BHc0i8i8', header, at)
  local value, before, behind = 0, find(integers, ';' .. name .. '=', 1, true)
  if before then
    stop = find(integers, ';', behind, true)
    value = tonumber(sub(integers, behind + 1, stop - 1))
  end
  if kind == 0 then
    value = number
  elseif kind == 1 then
    local sum = value + number
    if sum < 0 then
      return {nonce, '\7' .. pack('<i8i8', value, 0) .. name}
    end
    if number > 0 and sum > limit then
      return {nonce, '\7' .. pack('<i8i8', value, limit) .. name}
    end
    value = sum
  else
    if value ~= 0 then
      return {nonce, '\8' .. name}
    end
    value = 1
  end
  if value == 0 and find(name, '.', 1, true) then
    integers = before and sub(integers, 1, before) .. sub(integers, stop + 1) or integers
  else
    -- As a text of its own a number keeps no more than 14 digits.
    value = value < 100000000000000 and value or string.format('%d', value)
    if before then
      integers = sub(integers, 1, behind) .. value .. sub(integers, stop)
    else
      integers = integers .. name .. '=' .. value .. ';'
    end
  end
end
local values = 2 + unsets
local from = values + 2 * sets
for place = values + 1, from, 2 do
  size = size + #ARGV[place]
end
if sets > 0 and size > most_bytes then
  -- The size was an upper bound; now it is counted.
  local lengths = {}
  if replace == 0 then
    local all = call('HGETALL', KEYS[1])
    for place = 1, #all, 2 do
      lengths[all[place]] = all[place] ~= 'm' and #all[place + 1] or nil
    end
  end
  for place = 2, values - 1 do
    lengths[ARGV[place]] = nil
  end
  for place = values, from - 1, 2 do
    lengths[ARGV[place]] = #ARGV[place + 1]
  end
  size = 0
  for _, taken in pairs(lengths) do
    size = size + taken
  end
  if size > most_bytes then
    return {nonce, '\9' .. pack('<i8i8', size, most_bytes)}
  end
end

-- Nothing is; from here on it is written.
local function many(name, key, first, count)
  for place = first, first + count - 1, 1000 do
    call(name, key, unpack(ARGV, place, math.min(place + 999, first + count - 1)))
  end
end

revision = revision + 1
now = math.max(now, created)
local moved = replace == 1
if new_ttl >= 0 then
  base, ttl, moved = now, new_ttl, true
elseif slide == 1 and now - base >= math.min(1000, ttl / 1000000) then
  base, moved = now, true
end
local first_item = 0
if items > 0 then
  first_item = last + 1
  local at_ms = pack('<I6', now)
  for place = from, from + items - 1 do
    last = last + 1
    ARGV[place] = pack('<I5', last) .. at_ms .. ARGV[place]
  end
  many('RPUSH', KEYS[4], from, items)
  if length == 0 then
    call('PEXPIREAT', KEYS[4], math.ceil(cap / 1000))
  end
  length = length + items
  if most_items <= 0 then
    call('DEL', KEYS[4])
    length = 0
  elseif length > most_items then
    call('LTRIM', KEYS[4], -most_items, -1)
    length = most_items
  end
end
if replace == 1 then
  call('DEL', KEYS[1])
elseif unsets > 0 then
  many('HDEL', KEYS[1], 2, unsets)
end
meta = pack('<I5I6I6I6I6I7I7I4I5I4Bc0Bc0', revision, created, now, now, base, ttl, cap, length, last,
  size, #incarnation, incarnation, #user, user) .. integers
call('HSET', KEYS[1], 'm', meta, unpack(ARGV, values, math.min(values + 999, from - 1)))
if sets > 500 then
  many('HSET', KEYS[1], values + 1000, 2 * sets - 1000)
end
-- `hf:{bucket}:s:<namespace>/<id>`, taken apart in a third of the time that a pattern takes.
local name = KEYS[1]
local brace = find(name, '}', 5, true)
local slash = find(name, '/', brace, true)
local id = sub(name, slash + 1)
if moved then
  local leaves, creations, deadlines = KEYS[5], KEYS[6], KEYS[7]
  local due = math.ceil(math.min(base * 1000 + ttl, cap) / 1000)
  --include leaves
  --include leaving
  call('PEXPIREAT', KEYS[1], due - 1)
  move(created, due, id)
end
if remember == 1 then
  local entry = pack('<i8i8i8Bc0', revision, first_item, last, digest_size, digest) .. integers
  if kept and revision - start > 256 and call('HLEN', KEYS[2]) > 256 then
    call('RENAME', KEYS[2], KEYS[3])
    start, older, kept = revision - 1, start, false
  end
  local named = digest_size > 0
  local end_ms = named and math.ceil(cap / 1000) or now + 180000
  if not kept or ends < end_ms - (named and 0 or 60000) then
    end_ms = math.max(end_ms, ends)
    call('HSET', KEYS[2], change, entry, '', pack('<i8i8i8', start, end_ms, older))
    call('PEXPIREAT', KEYS[2], end_ms)
  else
    call('HSET', KEYS[2], change, entry)
  end
end
call('SPUBLISH', sub(name, 1, brace) .. ':e' .. sub(name, brace + 3, slash - 1), 'u' .. id)
return {nonce, '\1' .. pack('<i8i8i8Hc0', revision, first_item, last, #incarnation, incarnation)
  .. integers}
