-- Take back what a decision charged. What it charged to a time that counts no more stays as it is.
--
-- KEYS     the state of one limit each; layout: see decide.lua
-- ARGV[1]  when the decision was made, microseconds since 1970
-- ARGV[2]  now, likewise, for tests; "" for the server's time
-- then six for each key: the algorithm, its three numbers, microseconds per tick, and the cost
-- Returns 1.

local function down(x, y) -- exact, as floor(x / y) need not be
  return (x - math.fmod(x, y)) / y
end

local function numbers(text)
  local found = {}
  for each in string.gmatch(text or '', '%d+') do
    found[#found + 1] = tonumber(each)
  end
  return found
end

local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

for n = 1, #KEYS do
  local at = 6 * n - 3
  local letter, tick, cost = ARGV[at], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local a, b = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local stored = numbers(redis.call('GET', KEYS[n]))
  local present, lasts = down(now, tick), 0 -- until which tick anything counts
  if letter == 'g' and stored[1] then
    local debt = (stored[1] - present) * a + math.min(stored[2] or 0, a - 1)
    debt = math.max(math.min(debt, tonumber(ARGV[at + 3])) - cost * b, 0)
    local rest = math.fmod(debt, a)
    stored = {present + (debt - rest) / a, rest > 0 and rest or nil}
    lasts = stored[1] + (rest > 0 and 1 or 0)
  elseif stored[1] then
    local span = letter == 'f' and 1 or letter == 's' and 2 or tonumber(ARGV[at + 3]) + 1
    stored[1] = math.min(stored[1], down(present, a)) -- if the clock went back: see decide.lua
    local back = math.max(0, stored[1] - down(down(tonumber(ARGV[1]), tick), a))
    if stored[2 + back] then
      stored[2 + back] = math.max(0, stored[2 + back] - cost)
    end
    for each = #stored, 2, -1 do
      if stored[each] > 0 then
        lasts = (stored[1] - (each - 2) + span) * a
      end
    end
  end
  local left = lasts * tick - now
  if left <= 0 then
    redis.call('UNLINK', KEYS[n])
  else
    for each = 1, #stored do
      stored[each] = string.format('%.0f', stored[each])
    end
    redis.call('SET', KEYS[n], table.concat(stored, ' '), 'PX', string.format('%.0f', down(left + 999, 1000) + 1))
  end
end
return 1
