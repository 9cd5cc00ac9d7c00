-- Take a slot, if one is free.
--
-- KEYS[1]  who holds slots: leases, scored by their ends, microseconds since 1970
-- ARGV[1]  the lease
-- ARGV[2]  how many slots there are
-- ARGV[3]  how long the lease lasts, ms
-- ARGV[4]  "1" to take one even if none is free
-- Returns {whether one was free, slots that are free now, microseconds until one is free at the latest, and until
-- all are}; who renews a lease makes both longer.

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local held = redis.call('ZCARD', KEYS[1])
local free = tonumber(ARGV[2]) - held
local again = redis.call('ZSCORE', KEYS[1], ARGV[1])
local fits = free > 0 or again
if fits or ARGV[4] == '1' then
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]) * 1000, ARGV[1])
  free = again and free or free - 1
end

local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], math.ceil(tonumber(last[2]) / 1000) + 1)
return {fits and 1 or 0, math.max(0, free), fits and 0 or tonumber(first[2]) - now, tonumber(last[2]) - now}
