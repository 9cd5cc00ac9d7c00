-- Take the lease of an entry, or return the value that is there. Layout of an entry: see _core.py.
--
-- KEYS[1]  the entry
-- KEYS[2]  the present generation, where there are generations
-- ARGV[1]  token of the lease, 8 bytes
-- ARGV[2]  the lease, ms
-- ARGV[3]  what to write where there is no value: a lease alone
-- ARGV[4]  a value that is fresh for more than this, ms, is returned and not taken; "inf": none is;
--          "new": one that is fresh at all is, unless another has the lease to replace it
-- ARGV[5]  "1": do not take a value whose load has just failed
-- ARGV[6]  8 random bytes: the generation, should there be none
-- Returns {status, pttl, entry, generation}; the status is
--   0  another has the lease        3  taken; whoever had the lease before is gone
--   1  taken, there was no value    4  the value that is there is to be returned
--   2  taken, over an old value     5  the load of a new value has just failed

local LONGEST = 3600000 -- no lease is longer: what claims to be one never ends, and is none
local lease = tonumber(ARGV[2])
local generation = ''
if KEYS[2] then
  generation = redis.call('GET', KEYS[2])
  if not generation or #generation ~= 8 then
    generation = ARGV[6]
    redis.call('SET', KEYS[2], generation)
  end
end

local head = redis.call('GETRANGE', KEYS[1], 0, 47)
local magic, kind = string.sub(head, 1, 3), string.sub(head, 4, 4)
local known = #head >= 40 and (magic == '\197M\1' or KEYS[2] and magic == '\197M\2')
local pttl = redis.call('PTTL', KEYS[1])
if known and kind == 'L' and pttl >= 0 and pttl <= LONGEST then
  return {0, 0, '', generation}
end
if not known or kind ~= 'V' then
  redis.call('SET', KEYS[1], ARGV[3], 'PX', lease)
  return {1, 0, '', generation}
end

local extra = struct.unpack('>I4', head, 33)
local fresh = pttl < 0 and math.huge or pttl - extra
if KEYS[2] and (magic == '\197M\1' or string.sub(head, 41, 48) ~= generation) then
  fresh = -math.huge
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = struct.unpack('>I8', head, 17) - now
local token = string.sub(head, 9, 16)
local failed = token == string.rep('\255', 8)
local leased = token ~= string.rep('\0', 8) and not failed
local running = left > 0 and left <= LONGEST -- the lease, or the time in which nobody loads after a failure

local is_enough = ARGV[4] ~= 'inf' and fresh > (tonumber(ARGV[4]) or 0)
if is_enough and not (ARGV[4] == 'new' and leased and running) then
  return {4, pttl, redis.call('GET', KEYS[1]), generation}
elseif leased and running then
  return {0, 0, '', generation}
elseif failed and running and ARGV[5] == '1' then
  return {5, pttl, redis.call('GET', KEYS[1]), generation}
end

redis.call('SETRANGE', KEYS[1], 8, ARGV[1] .. struct.pack('>I8', now + lease))
if pttl >= 0 and pttl < lease then -- the lease must not end with the value
  redis.call('PEXPIRE', KEYS[1], lease)
  redis.call('SETRANGE', KEYS[1], 32, struct.pack('>I4', math.min(extra + lease - pttl, 4294967295)))
end
return {leased and 3 or 2, 0, '', generation}
