-- Let a value live for a time from now on.
--
-- KEYS[1]  the entry
-- KEYS[2]  the present generation, where there are generations
-- ARGV[1]  for how long it is to be fresh, ms; "0" for ever
-- Returns 1, or 0 if there is no fresh value.

local LONGEST = 3600000 -- no lease is longer
local head = redis.pcall('GETRANGE', KEYS[1], 0, 47)
if type(head) ~= 'string' or #head < 40 or string.sub(head, 4, 4) ~= 'V' then
  return 0
end
local magic = string.sub(head, 1, 3)
if KEYS[2] then
  if magic ~= '\197M\2' or string.sub(head, 41, 48) ~= redis.call('GET', KEYS[2]) then
    return 0
  end
elseif magic ~= '\197M\1' then
  return 0
end
local pttl, extra = redis.call('PTTL', KEYS[1]), struct.unpack('>I4', head, 33)
if pttl >= 0 and pttl <= extra then
  return 0
end
if ARGV[1] == '0' then
  redis.call('PERSIST', KEYS[1])
else
  local keep = ARGV[1] + extra
  local time = redis.call('TIME')
  local left = struct.unpack('>I8', head, 17) - (time[1] * 1000 + math.floor(time[2] / 1000))
  if left > keep and left <= LONGEST then -- a new value is being loaded: the lease must not end with the old one
    redis.call('SETRANGE', KEYS[1], 32, struct.pack('>I4', math.min(extra + left - keep, 4294967295)))
    keep = left
  end
  redis.call('PEXPIRE', KEYS[1], keep)
end
return 1
