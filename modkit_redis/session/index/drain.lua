-- Empty a user's index.
--
-- KEYS[1]  the index: handles of sessions, scored by their deadlines, ms since 1970
-- ARGV[1]  handle of a session that stays in it; "" for none
-- Returns all handles that were taken out.

local handles = redis.call('ZRANGE', KEYS[1], 0, -1)
local kept = ARGV[1] ~= '' and redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[1])
if not kept then
  return handles
end
redis.call('ZADD', KEYS[1], kept, ARGV[1])
redis.call('PEXPIREAT', KEYS[1], kept)
local taken = {}
for _, handle in ipairs(handles) do
  if handle ~= ARGV[1] then
    taken[#taken + 1] = handle
  end
end
return taken
