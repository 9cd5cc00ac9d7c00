-- End a session unless it is another user's: the handle of one may be listed for a user who never had it.
--
-- KEYS[1]  the session
-- ARGV[1]  the user
-- Returns 1, or 0 if it has ended before, or another user is signed in with it.

local user = redis.call('HGET', KEYS[1], 'u')
if user and user ~= ARGV[1] then
  return 0
end
return redis.call('UNLINK', KEYS[1])
