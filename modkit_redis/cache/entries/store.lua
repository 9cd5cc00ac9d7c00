-- Store a value if there is none, or one, or in the present generation.
--
-- KEYS[1]  the entry
-- KEYS[2]  the present generation, where there are generations
-- ARGV[1]  header of the value
-- ARGV[2]  its payload
-- ARGV[3]  how long to keep it, ms; "0" for ever
-- ARGV[4]  "absent" or "present": store it only if there is no fresh value, or one; "" in any case
-- ARGV[5]  8 random bytes: the generation, should there be none
-- Returns 1, or 0 if it was not stored.

local generation = ''
if KEYS[2] then
  generation = redis.call('GET', KEYS[2])
  if not generation or #generation ~= 8 then
    generation = ARGV[5]
    redis.call('SET', KEYS[2], generation)
  end
end
if ARGV[4] ~= '' then
  local head, there = redis.pcall('GETRANGE', KEYS[1], 0, 47), false
  if type(head) == 'string' and #head >= 40 and string.sub(head, 4, 4) == 'V' then
    local pttl = redis.call('PTTL', KEYS[1])
    there = string.sub(head, 1, 3) == string.sub(ARGV[1], 1, 3)
      and string.sub(head, 41, 40 + #generation) == generation
      and (pttl < 0 or pttl > struct.unpack('>I4', head, 33))
  end
  if there ~= (ARGV[4] == 'present') then
    return 0
  end
end
local value = ARGV[1] .. generation .. ARGV[2]
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], value)
else
  redis.call('SET', KEYS[1], value, 'PX', ARGV[3])
end
return 1
