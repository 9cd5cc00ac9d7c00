-- Renew a lease.
--
-- KEYS[1]  the entry
-- ARGV[1]  token of the lease
-- ARGV[2]  the lease from now on, ms
-- Returns 1, or 0 if the lease is gone.

local head = redis.pcall('GETRANGE', KEYS[1], 0, 39)
if type(head) ~= 'string' or string.sub(head, 9, 16) ~= ARGV[1] then
  return 0
end
local lease, pttl = tonumber(ARGV[2]), redis.call('PTTL', KEYS[1])
local is_short = pttl >= 0 and pttl < lease
if is_short then
  redis.call('PEXPIRE', KEYS[1], lease)
end
if string.sub(head, 4, 4) == 'V' then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('SETRANGE', KEYS[1], 16, struct.pack('>I8', now + lease))
  if is_short then
    local extra = struct.unpack('>I4', head, 33) + lease - pttl
    redis.call('SETRANGE', KEYS[1], 32, struct.pack('>I4', math.min(extra, 4294967295)))
  end
end
return 1
