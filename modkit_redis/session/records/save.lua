-- Change a session: set, remove and take fields, replace its token. Never makes one.
--
-- KEYS[1]  the session
-- ARGV[1]  verifier of the token, 32 bytes
-- ARGV[2]  nonce of this write: one of the last three again changes nothing
-- ARGV[3]  version that the session must have; "" for any
-- ARGV[4]  verifier of the new token; "" to keep the token
-- ARGV[5]  how long the old token still works then, ms
-- ARGV[6]  "1": where the token was replaced a moment ago already, save without replacing it again
-- ARGV[7]  n, the number of fields to set; then n fields, each with its value
-- then     m, the number of fields to remove; then m fields
-- then     the fields to take, to the end
-- Returns {status, version, values taken…}; the status is
--   1  saved, and the token replaced if that was asked for
--   2  saved; the token had been replaced already
--   0  the session has ended, or the token is not its own
--  -1  the token was replaced, and works no more     -2  it works, but cannot be replaced again
--  -3  the session has another version

local found = redis.call('HMGET', KEYS[1], 'h', 'p', 'pu', 'v', 'w', 'i', 'x', 'f', 'g')
local version, idle, deadline = tonumber(found[4]), tonumber(found[6]), tonumber(found[7])
if not (found[1] and version and idle and idle > 0 and deadline and found[8] == '1') then
  return {0, 0}
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if deadline <= now then -- it had lost its TTL
  redis.call('UNLINK', KEYS[1])
  return {0, 0}
end

local status, replaces = 1, ARGV[4] ~= ''
if replaces and found[1] == ARGV[4] then
  replaces = false -- by an earlier try of the same save
elseif found[1] ~= ARGV[1] then
  if found[2] ~= ARGV[1] then
    return {0, 0}
  elseif now >= (tonumber(found[3]) or 0) then
    return {-1, 0}
  elseif replaces and ARGV[6] ~= '1' then
    return {-2, 0}
  end
  status, replaces = replaces and 2 or 1, false
end
local nonces = found[5] or ''
if string.find(nonces, ARGV[2], 1, true) then
  return {status, version}
elseif ARGV[3] ~= '' and tonumber(ARGV[3]) ~= version then
  return {-3, version}
end

local set = {'v', version + 1, 'w', string.sub(ARGV[2] .. nonces, 1, 3 * #ARGV[2]), 'l', now}
local at = 8 + 2 * tonumber(ARGV[7])
for n = 8, at - 1 do
  set[#set + 1] = ARGV[n]
end
if replaces then
  local times = (tonumber(found[9]) or 0) + 1
  for _, each in ipairs({'h', ARGV[4], 'p', found[1], 'r', now, 'g', times}) do
    set[#set + 1] = each
  end
  if tonumber(ARGV[5]) > 0 then
    set[#set + 1] = 'pu'
    set[#set + 1] = now + tonumber(ARGV[5])
  end
end
redis.call('HSET', KEYS[1], unpack(set)) -- the first write: a full server refuses this one, and then nothing is done
if replaces and tonumber(ARGV[5]) == 0 then
  redis.call('HDEL', KEYS[1], 'pu')
end
local removed = tonumber(ARGV[at])
for n = at + 1, at + removed do -- one by one: unpack() has a limit, and half of the save would be done
  redis.call('HDEL', KEYS[1], ARGV[n])
end
local answer = {status, version + 1}
for n = at + removed + 1, #ARGV do
  answer[#answer + 1] = redis.call('HGET', KEYS[1], ARGV[n])
  redis.call('HDEL', KEYS[1], ARGV[n])
end
redis.call('PEXPIREAT', KEYS[1], math.min(now + idle, deadline))
return answer
