-- Decide on several limits at once: charge all of them, or none.
--
-- KEYS     the state of one limit each
-- ARGV[1]  "hit"; "peek" to charge nothing; "charge" to charge even what is refused
-- ARGV[2]  now, microseconds since 1970, for tests; "" for the server's time
-- then seven for each key:
--   "g"  token bucket (GCRA)   a, b, capacity: a token is b units of debt, of which a are paid off per tick
--   "s"  sliding window        window, limit, 0
--   "f"  fixed window          window, limit, 0
--   "w"  strict window         slot, limit, number of slots
--        the same algorithm for all keys
--   then microseconds per tick, cost, and "1" for a limit that refuses nothing
-- Returns now, then four for each key: whether it allows the cost (1 or 0), how much it allows now, after how
-- many microseconds it will allow the cost (0: now, -1: never), and after how many it is as if it was never
-- used.
--
-- It runs for each request of an application, so it makes few calls, functions and tables. All numbers are
-- whole and below 2^53. (x - x % y) / y is x / y rounded down, and (x + -x % y) / y rounded up, both exact while
-- x + y is below 2^53, too. A number is exact in a reply and as an argument of a command; as text, `..` and
-- table.concat keep 14 digits, and string.format takes longer than all else. `+ 0` makes a number of text, and is
-- quicker than tonumber.

local what, now = ARGV[1], ARGV[2]
if now == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
else
  now = tonumber(now)
end

-- Given a state or false, the present tick, cost, three numbers, and what to charge: "hit", "charge", "nothing", or
-- false to store nothing at all. Returns whether the cost fits; what is allowed now; the ticks until the cost fits;
-- those until reset; and what to store, if anything.
-- A charge may exceed the limit, up to ten times of it: what is above that is lost. No more counts of what is stored
-- either, if the limit was lowered or the state is none of ours.
local decide

if ARGV[3] == 'g' then
  -- State, as three doubles: the tick at which all is paid; the units that are left then; and in how many ticks that
  -- was when it was written. If the clock went back, it is no longer than that until all is paid.
  decide = function(state, tick, cost, a, b, capacity, charges)
    local debt, most, changed = 0, 10 * capacity, false
    if state and #state == 24 then
      local paid, rest, longest = struct.unpack('>ddd', state)
      local left = paid - tick
      if left > longest then
        left, changed = longest, true
      end
      if left >= 0 and rest >= 0 then -- the rest may be that of a limit with another count
        debt = left * a + (rest < a and rest or a - 1)
        if debt > most then
          debt, changed = most, true
        end
      end
    end
    local more = cost * b
    local over = debt - (capacity - more) -- a sum of both may be too large
    local retry, value = 0, nil
    if more > capacity then
      retry = -1
    elseif over > 0 then
      retry = (over + -over % a) / a
    end
    if more > 0 and (over <= 0 and charges == 'hit' or charges == 'charge') then
      debt, changed = debt < most - more and debt + more or most, true
    end
    if changed and charges and debt > 0 then
      local rest = debt % a
      local left = (debt - rest) / a
      value = struct.pack('>ddd', tick + left, rest, left)
    end
    local free = debt < capacity and capacity - debt or 0
    return over <= 0, (free - free % b) / b, retry, (debt + -debt % a) / a, value
  end
elseif ARGV[3] ~= 'w' then
  local slides = ARGV[3] == 's'
  decide = function(state, tick, cost, width, limit, _, charges)
    local past = tick % width
    local at, current, previous = (tick - past) / width, 0, 0
    local most, changed = 10 * limit, false
    local index, first, second = string.match(state or '', '(%d+)%D*(%d*)%D*(%d*)')
    if index then
      index, first = tonumber(index), math.min(tonumber(first) or 0, most)
      changed = at < index
      if at <= index then -- if the clock went back, what was used counts as used now
        current, previous = first, slides and math.min(tonumber(second) or 0, most) or 0
      elseif slides and at == index + 1 then
        previous = first
      end
    end
    local used = previous * (width - past) + current * width
    local fits, retry = used + cost * width <= limit * width, 0
    if cost > limit then
      retry = -1
    elseif not fits then
      local free = limit - cost - current
      if free >= 0 then -- as the previous window counts less and less
        free = free * width
        retry = width - (free - free % previous) / previous - past
      else
        free = (limit - cost) * width
        retry = width - past
        if slides then
          retry = retry + math.max(0, width - (free - free % current) / current)
        end
      end
    end
    if cost > 0 and (fits and charges == 'hit' or charges == 'charge') then
      current, changed = math.min(current + cost, most), true
      used = previous * (width - past) + current * width
    end
    local value
    if changed and charges and current + previous > 0 then
      value = string.format(slides and '%.0f %.0f %.0f' or '%.0f %.0f', at, current, previous)
    end
    local free, reset = math.max(0, limit * width - used), 0
    if current > 0 then
      reset = (slides and 2 or 1) * width - past
    elseif previous > 0 then
      reset = width - past
    end
    return fits, (free - free % width) / width, retry, reset, value
  end
else
  decide = function(state, tick, cost, width, limit, slots, charges)
    local past = tick % width
    local at, used, counts, changed = (tick - past) / width, 0, {}, false -- the newest slot first
    local most = 10 * limit
    if state then
      local n
      for each in string.gmatch(state, '%d+') do
        each = tonumber(each)
        if not n then -- if the clock went back, what was used counts as used now
          n, changed = math.max(0, at - each), at < each
          for newer = 1, n <= slots and n or 0 do
            counts[newer] = 0
          end
        elseif n <= slots then
          n = n + 1
          counts[n] = math.min(each, most)
          used = used + counts[n]
        end
      end
    end
    counts[1] = counts[1] or 0
    local fits, retry = used + cost <= limit, 0
    if cost > limit then
      retry = -1
    elseif not fits then
      local left, n = used, #counts + 1
      while n > 1 and left + cost > limit do -- the oldest end first
        n = n - 1
        left = left - counts[n]
      end
      retry = (slots + 2 - n) * width - past
    end
    if cost > 0 and (fits and charges == 'hit' or charges == 'charge') then
      local charged = math.min(counts[1] + cost, most)
      used, counts[1], changed = used - counts[1] + charged, charged, true
    end
    local value
    if changed and charges and used > 0 then
      value = string.format('%.0f ', at) .. table.concat(counts, ' ')
    end
    local reset = 0
    for n = 1, #counts do -- the newest that counts ends last
      if counts[n] > 0 then
        reset = (slots + 2 - n) * width - past
        break
      end
    end
    return fits, math.max(0, limit - used), retry, reset, value
  end
end

local reply, allowed = {now, 0, 0, 0, 0}, true

local function decide_all(charges)
  for n = 1, #KEYS do
    local at = 7 * n - 4
    local tick, cost = ARGV[at + 4] + 0, ARGV[at + 5] + 0
    local past = now % tick -- of the present tick
    local fits, left, retry, reset, value = decide(redis.call('GET', KEYS[n]), (now - past) / tick, cost,
      ARGV[at + 1] + 0, ARGV[at + 2] + 0, ARGV[at + 3] + 0, charges)
    reset = reset > 0 and reset * tick - past or 0
    if value then
      -- One more millisecond, as the key must not end before what it stands for.
      redis.call('SET', KEYS[n], value, 'PX', (reset + -reset % 1000) / 1000 + 1)
    end
    allowed = allowed and (fits or ARGV[at + 6] == '1')
    reply[4 * n - 2], reply[4 * n - 1] = fits and 1 or 0, left
    reply[4 * n], reply[4 * n + 1] = retry > 0 and retry * tick - past or retry, reset
  end
end

if what == 'hit' and #KEYS > 1 then -- all must allow it before one is charged
  decide_all('nothing')
  if allowed then
    decide_all(what)
  end
else
  decide_all(what ~= 'peek' and what)
end
return reply
