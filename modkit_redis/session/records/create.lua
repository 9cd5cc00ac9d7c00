-- Begin a session. Layout of a session: see _core.py.
--
-- KEYS[1]  the session
-- ARGV[1]  verifier of its token, 32 bytes
-- ARGV[2]  nonce of this write: the same one again changes nothing
-- ARGV[3]  how long it may be idle, ms
-- ARGV[4]  how long it may last, ms
-- ARGV[5…] fields and values
-- Returns {status, its deadline, ms since 1970}; the status is
--   1  it has begun, now or by an earlier try      0  there is another session

local found = redis.call('HMGET', KEYS[1], 'h', 'w', 'x')
if found[1] or redis.call('EXISTS', KEYS[1]) == 1 then
  if found[1] == ARGV[1] and found[2] == ARGV[2] then
    return {1, tonumber(found[3])}
  end
  return {0, 0}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local idle, deadline = tonumber(ARGV[3]), now + tonumber(ARGV[4])
redis.call('HSET', KEYS[1], 'f', 1, 'h', ARGV[1], 'w', ARGV[2], 'v', 1, 'c', now, 'l', now, 'x', deadline,
  'i', idle, unpack(ARGV, 5))
redis.call('PEXPIREAT', KEYS[1], math.min(now + idle, deadline))
return {1, deadline}
