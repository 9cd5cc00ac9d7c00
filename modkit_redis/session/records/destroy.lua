-- End a session for who has its token.
--
-- KEYS[1]  the session
-- ARGV[1]  verifier of the token, 32 bytes
-- Returns 1; -1 if it is ended by a token that was replaced, and works no more: nothing else can be done with it;
-- 0 if it has ended before, or the token is not its own.

local found, ended = redis.call('HMGET', KEYS[1], 'h', 'p', 'pu'), 1
if not found[1] then
  return 0
elseif found[1] ~= ARGV[1] then
  if found[2] ~= ARGV[1] then
    return 0
  end
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) >= (tonumber(found[3]) or 0) then
    ended = -1
  end
end
redis.call('UNLINK', KEYS[1])
return ended
