-- The right to load a cold account. One worker holds it until it installs, loses it to an
-- operator's change, or takes too long (I12). Granting it deletes what an earlier epoch left, so
-- that an epoch that was found closed stays closed. A lease of another incarnation is worth
-- nothing: its holder can neither install (its script is gone) nor give it up. `local I, S = …` and
-- the constants of ../script_replies.def stand in front.
--
-- ARGV: LEASE of ../script_texts.def
-- Reply: GRANTED | BUSY | LOADED, and Redis's clock
local t = redis.call('TIME')
local now_ms = math.floor((t[1] * 1000000 + t[2]) / 1000)
local function answer(outcome)
  return reply {
    outcome = outcome,
    now_ms = now_ms,
  }
end
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.period_end_ms, M.next_end_ms, M.dirty)
if v[1] == I then
  local pend, nend = tonumber(v[2]), tonumber(v[3])
  if pend == 0 or now_ms < pend or now_ms < nend then
    return answer(LOADED)
  end
end
-- In strict mode nothing but these counters says what was charged: they are booked first.
if S and v[1] == I and v[4] == '1' then
  return answer(BUSY)
end
local incarnation = string.match(redis.call('GET', KEYS.load) or '', HOLDER)
if incarnation == I then
  return answer(BUSY)
end
redis.call('SET', KEYS.load, HOLDER { incarnation = I, token = ARGV.token }, 'PX', ARGV.lease_ms)
redis.call('DEL', KEYS.m, KEYS.quota, KEYS.delta)
return answer(GRANTED)
