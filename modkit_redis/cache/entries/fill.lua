-- Store a loaded value, if the lease under which it was loaded is still there.
--
-- KEYS[1]  the entry
-- KEYS[2]  the present generation, where there are generations
-- ARGV[1]  token of the lease
-- ARGV[2]  the value, with its header
-- ARGV[3]  how long to keep it, ms; "0" for ever
-- ARGV[4]  the generation in which it was loaded
-- Returns 1, or 0 if the key was written or removed meanwhile.

if redis.pcall('GETRANGE', KEYS[1], 8, 15) ~= ARGV[1] then
  return 0
end
if KEYS[2] and redis.call('GET', KEYS[2]) ~= ARGV[4] then
  redis.call('UNLINK', KEYS[1]) -- the lease, and what clear() has hidden: nobody shall wait for it to run out
  return 0
end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1
