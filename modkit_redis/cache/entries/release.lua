-- Give a lease back after a load that failed.
--
-- KEYS[1]  the entry
-- ARGV[1]  token of the lease
-- ARGV[2]  for how long nobody who can do with the old value loads again, ms; "0" for no time
-- Returns 1, or 0 if the lease is gone.

local head = redis.pcall('GETRANGE', KEYS[1], 0, 39)
if type(head) ~= 'string' or string.sub(head, 9, 16) ~= ARGV[1] then
  return 0
end
local cooldown = tonumber(ARGV[2])
if string.sub(head, 4, 4) == 'L' then
  redis.call('UNLINK', KEYS[1])
elseif cooldown == 0 then
  redis.call('SETRANGE', KEYS[1], 8, string.rep('\0', 16))
else
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('SETRANGE', KEYS[1], 8, string.rep('\255', 8) .. struct.pack('>I8', now + cooldown))
end
return 1
