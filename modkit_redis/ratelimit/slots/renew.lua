-- Renew the lease of a slot.
--
-- KEYS[1]  who holds slots: leases, scored by their ends, microseconds since 1970
-- ARGV[1]  the lease
-- ARGV[2]  how long it lasts from now on, ms
-- Returns 1, or 0 if it has ended. One that is over lasts until somebody wants a slot: so nobody has got it.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  return 0
end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]) * 1000, ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], math.ceil(tonumber(last[2]) / 1000) + 1)
return 1
