-- List a session among those of a user.
--
-- KEYS[1]  the user's index: handles of sessions, scored by their deadlines
-- ARGV[1]  handle of the session
-- ARGV[2]  its deadline, ms since 1970
-- ARGV[3]  how many sessions the user may have
-- Returns nothing while there are no more than that, else all handles, the oldest first.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[1], last[2])
if redis.call('ZCARD', KEYS[1]) <= tonumber(ARGV[3]) then
  return {}
end
return redis.call('ZRANGE', KEYS[1], 0, -1)
