-- The reference for modkit_redis/ratelimit/decide.lua: what that does in the quickest way, this does in the
-- plainest. Whatever it is given, both must answer and store the same.
--
-- KEYS     the state of one limit each
-- ARGV[1]  "hit"; "peek" to charge nothing; "charge" to charge even what is refused
-- ARGV[2]  now, microseconds since 1970, for tests; "" for the server's time
-- then seven for each key:
--   "g"  token bucket (GCRA)   a, b, capacity: a token is b units of debt, of which a are paid off per tick
--   "s"  sliding window        window, limit, 0
--   "f"  fixed window          window, limit, 0
--   "w"  strict window         slot, limit, number of slots
--   then microseconds per tick, cost, and "1" for a limit that refuses nothing
-- Returns now, then four for each key: whether it allows the cost, how much it allows now, after how many
-- microseconds it will allow the cost (0: now, -1: never), and after how many it is as if it was never used.

local function down(x, y) -- exact, as floor(x / y) need not be
  return (x - math.fmod(x, y)) / y
end

local function up(x, y)
  return down(x + y - 1, y)
end

local function numbers(text) -- whatever else stands there counts as nothing
  local found = {}
  for each in string.gmatch(text or '', '%d+') do
    found[#found + 1] = tonumber(each)
  end
  return found
end

-- Each returns: whether it fits; what is allowed now, and the ticks until reset, first as it is and then if
-- charged; the ticks until it fits; what to store if charged; whether more is stored than can be: the clock went
-- back, the limit was lowered, or it is none of ours. A limit is overdrawn up to ten times of it.

local function token_bucket(state, now, cost, a, b, capacity)
  local debt, most, excess = 0, 10 * capacity, false
  if state and #state == 24 then
    local paid, rest, longest = struct.unpack('>ddd', state)
    local left = math.min(paid - now, longest) -- no longer than when it was written, if the clock went back
    excess = longest < paid - now
    if left >= 0 and rest >= 0 then -- the rest may be that of a limit with another count
      debt = left * a + math.min(rest, a - 1)
    end
  end
  excess = excess or debt > most
  debt = math.min(debt, most)
  local function text(owed)
    local rest = math.fmod(owed, a)
    local left = (owed - rest) / a
    return struct.pack('>ddd', now + left, rest, left)
  end
  local function free(owed)
    return down(math.max(0, capacity - owed), b)
  end
  local after = math.min(debt + cost * b, most)
  local fits = debt + cost * b <= capacity
  local retry = fits and 0 or cost * b > capacity and -1 or up(debt + cost * b - capacity, a)
  return fits, free(debt), up(debt, a), free(after), up(after, a), retry, text(after), excess
end

local function window(state, now, cost, width, limit, previous_counts)
  local at = down(now, width)
  local stored = numbers(state)
  local most = 10 * limit
  local index, current = stored[1] or at, math.min(stored[2] or 0, most)
  local previous = previous_counts and math.min(stored[3] or 0, most) or 0
  if at > index then -- else the clock went back: what was used counts as used now
    previous = previous_counts and at == index + 1 and current or 0
    current = 0
  end
  local past = now - at * width
  local weight = previous * (width - past)
  local fits = weight + (current + cost) * width <= limit * width
  local retry = 0
  if cost > limit then
    retry = -1
  elseif not fits then
    local free = limit - cost - current
    if free >= 0 then
      retry = width - down(free * width, previous) - past
    else
      retry = width - past
      if previous_counts then
        retry = retry + math.max(0, width - down((limit - cost) * width, current))
      end
    end
  end
  local function rest(used)
    return math.max(0, down(limit * width - weight - used * width, width))
  end
  local function reset(used)
    if used > 0 then
      return (previous_counts and 2 or 1) * width - past
    end
    return previous > 0 and width - past or 0
  end
  local charged = math.min(current + cost, most)
  local value = string.format(previous_counts and '%.0f %.0f %.0f' or '%.0f %.0f', at, charged, previous)
  return fits, rest(current), reset(current), rest(charged), reset(charged), retry, value, index > at
end

local function sliding(state, now, cost, width, limit)
  return window(state, now, cost, width, limit, true)
end

local function fixed(state, now, cost, width, limit)
  return window(state, now, cost, width, limit, false)
end

local function strict(state, now, cost, width, limit, slots)
  local at = down(now, width)
  local stored = numbers(state)
  local excess = (stored[1] or at) > at
  local moved = excess and 0 or at - (stored[1] or at)
  local counts, used = {}, 0
  for n = 0, slots do -- the newest slot first; the oldest counts as a whole
    counts[n] = math.min(stored[2 + n - moved] or 0, 10 * limit)
    if n < moved then
      counts[n] = 0
    end
    used = used + counts[n]
  end
  local function ends(n) -- when the slot counts no more
    return (at - n + slots + 1) * width - now
  end
  local reset, retry, left = 0, 0, used
  for n = slots, 0, -1 do
    if counts[n] > 0 then
      reset = ends(n)
      left = left - counts[n]
      if retry == 0 and used + cost > limit and left + cost <= limit then
        retry = reset
      end
    end
  end
  if cost > limit then
    retry = -1
  elseif retry == 0 and used + cost > limit then -- no sum of what we stored
    retry = ends(0)
  end
  counts[0] = math.min(counts[0] + cost, 10 * limit)
  local charged = cost > 0 and ends(0) or reset
  local value = string.format('%.0f', at)
  for n = 0, slots do
    value = value .. string.format(' %.0f', counts[n])
  end
  return used + cost <= limit, math.max(0, limit - used), reset, math.max(0, limit - used - cost), charged, retry,
    value, excess
end

local algorithms = {g = token_bucket, s = sliding, f = fixed, w = strict}
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local answers, allowed = {}, true
local function decide(at, state, cost)
  return {algorithms[ARGV[at]](state, down(now, tonumber(ARGV[at + 4])), cost,
    tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))}
end
local function store(n, value, reset)
  -- One more millisecond, as the key must not end before what it stands for.
  redis.call('SET', KEYS[n], value, 'PX', string.format('%.0f', up(reset, 1000) + 1))
end
for n = 1, #KEYS do
  local at = 7 * n - 4
  local state = redis.call('GET', KEYS[n])
  local answer = decide(at, state, tonumber(ARGV[at + 5]))
  answer.state = state
  answers[n] = answer
  allowed = allowed and (answer[1] or ARGV[at + 6] == '1')
end

local charges = ARGV[1] == 'charge' or ARGV[1] == 'hit' and allowed
local reply = {string.format('%.0f', now)}
for n = 1, #KEYS do
  local at, answer = 7 * n - 4, answers[n]
  local tick = tonumber(ARGV[at + 4])
  local past = math.fmod(now, tick) -- of the present tick
  local charged = charges and (answer[1] or ARGV[1] == 'charge')
  local retry, reset = answer[6], charged and answer[5] or answer[3]
  reset = reset > 0 and reset * tick - past or 0
  if charged and tonumber(ARGV[at + 5]) > 0 then
    store(n, answer[7], reset)
  elseif answer[8] and reset > 0 and ARGV[1] ~= 'peek' then
    store(n, decide(at, answer.state, 0)[7], reset) -- or it is refused for as long as the clock went back
  end
  reply[#reply + 1] = answer[1] and 1 or 0
  reply[#reply + 1] = charged and answer[4] or answer[2]
  reply[#reply + 1] = retry > 0 and retry * tick - past or retry
  reply[#reply + 1] = reset
end
return reply
