-- Take back what a decision charged, as far as it still counts.
--
-- KEYS     the state of one limit each; the same one several times, if the decision charged it several times
-- ARGV[1]  now, microseconds since 1970, for tests; "" for the server's time
-- then eight for each key: the algorithm, its three numbers, microseconds per tick, and the cost; see decide.lua;
--   when it was charged, microseconds since 1970, and after how many the limit was as if it was never used
-- Returns 1.

local function down(x, y) -- exact, as floor(x / y) need not be
  return (x - math.fmod(x, y)) / y
end

local EXACT = 2 ^ 53 -- all that is stored is below it, unless it is none of ours

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- Each returns what is left to be stored, and until which tick that counts.

local function token_bucket(state, present, cost, a, b, reset)
  if #state ~= 24 then
    return '', 0
  end
  local paid, rest, longest = struct.unpack('>ddd', state)
  local left = math.min(paid - present, longest)
  if not (left >= 0 and rest >= 0) then
    return '', 0
  end
  local debt = math.min(left * a + math.min(rest, a - 1), EXACT)
  -- What was used is paid off in its order, so no more of the cost is left than of all that was owed then.
  debt = debt - math.min(cost * b, math.max(0, reset - present) * a)
  if debt <= 0 then
    return '', 0
  end
  rest = math.fmod(debt, a)
  left = (debt - rest) / a
  return struct.pack('>ddd', present + left, rest, left), present + left + (rest > 0 and 1 or 0)
end

local function counters(state, present, cost, width, span, charged)
  local stored, ends = {}, 0
  for each in string.gmatch(state, '%d+') do
    stored[#stored + 1] = math.min(tonumber(each), #stored > 0 and EXACT or down(present, width))
  end
  if stored[1] then
    local back = stored[1] - down(math.min(charged, present), width) -- how many windows before the newest
    if back >= 0 and stored[2 + back] then
      stored[2 + back] = math.max(0, stored[2 + back] - cost)
    end
    for each = #stored, 2, -1 do
      if stored[each] > 0 then
        ends = (stored[1] - (each - 2) + span) * width
      end
    end
  end
  for each = 1, #stored do
    stored[each] = string.format('%.0f', stored[each])
  end
  return table.concat(stored, ' '), ends
end

for n = 1, #KEYS do
  local at = 8 * n - 6
  local letter, numbers = ARGV[at], {}
  for each = 1, 7 do
    numbers[each] = tonumber(ARGV[at + each])
  end
  local first, second, third, tick, cost, charged, reset = unpack(numbers)
  local state, present = redis.call('GET', KEYS[n]) or '', down(now, tick)
  local value, ends
  if letter == 'g' then
    value, ends = token_bucket(state, present, cost, first, second, down(charged + reset, tick))
  else
    local span = letter == 'f' and 1 or letter == 's' and 2 or third + 1 -- in how many windows one counts
    value, ends = counters(state, present, cost, first, span, down(charged, tick))
  end
  local left = math.min(ends * tick - now, EXACT)
  if left <= 0 then
    redis.call('UNLINK', KEYS[n])
  else
    redis.call('SET', KEYS[n], value, 'PX', string.format('%.0f', down(left + 999, 1000) + 1))
  end
end
return 1
