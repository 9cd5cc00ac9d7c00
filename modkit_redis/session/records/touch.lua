-- Verify a token, and let the session live on from now if it is due. Changes no value of the session.
--
-- KEYS[1]  the session
-- ARGV[1]  verifier of the token, 32 bytes
-- ARGV[2]  due after this, ms since it was last seen
-- Returns {status, now, ms since 1970}; the status is
--   1  the token is the present one                  0  the session has ended, or the token is not its own
--   2  it was replaced, and works for a while yet   -1  it was replaced, and works no more

local found = redis.call('HMGET', KEYS[1], 'h', 'p', 'pu', 'l', 'x', 'i', 'f')
local seen, deadline, idle = tonumber(found[4]), tonumber(found[5]), tonumber(found[6])
if not (found[1] and seen and deadline and idle and idle > 0 and found[7] == '1') then
  return {0, 0}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if deadline <= now then -- it had lost its TTL
  redis.call('UNLINK', KEYS[1])
  return {0, now}
end

local status = 1
if found[1] ~= ARGV[1] then
  if found[2] ~= ARGV[1] then
    return {0, now}
  elseif now >= (tonumber(found[3]) or 0) then
    return {-1, now}
  end
  status = 2
end
if math.abs(now - seen) >= tonumber(ARGV[2]) then -- it is in the future if the clock was set back
  redis.call('HSET', KEYS[1], 'l', now)
  redis.call('PEXPIREAT', KEYS[1], math.min(now + idle, deadline))
end
return {status, now}
