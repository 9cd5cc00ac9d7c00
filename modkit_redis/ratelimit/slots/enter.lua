-- Take a slot, if one is free.
--
-- KEYS[1]  who holds slots: leases, scored by their ends, microseconds since 1970
-- ARGV[1]  the lease
-- ARGV[2]  how many slots there are
-- ARGV[3]  how long the lease lasts, ms
-- ARGV[4]  "1" to take one even if none is free
-- Returns {whether one was free, slots that are free now, microseconds until one is free at the latest, and until
-- all are}; who renews a lease makes both longer.

local LONGEST = 3600 * 1000000 -- of all leases

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] and tonumber(last[2]) > now + LONGEST then -- the clock went back: who lives renews his lease
  for _, lease in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if tonumber(redis.call('ZSCORE', KEYS[1], lease)) > now + LONGEST then
      redis.call('ZADD', KEYS[1], now + LONGEST, lease)
    end
  end
end

local held = redis.call('ZCARD', KEYS[1])
local limit = tonumber(ARGV[2])
local free = limit - held
local again = redis.call('ZSCORE', KEYS[1], ARGV[1])
local fits = free > 0 or again
local wait = 0
if not fits then -- as many must end as are too many, and one more
  wait = tonumber(redis.call('ZRANGE', KEYS[1], held - limit, held - limit, 'WITHSCORES')[2]) - now
end
if fits or ARGV[4] == '1' then
  redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]) * 1000, ARGV[1])
  free = again and free or free - 1
end

last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], math.ceil(tonumber(last[2]) / 1000) + 1)
return {fits and 1 or 0, math.max(0, free), wait, tonumber(last[2]) - now}
