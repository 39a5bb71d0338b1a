-- Closes the account's period after its last charge and starts the next one; quota-syncd books it
-- from `rolls` (I9). A period moves only by an instant that both clocks have reached: this one, and
-- PostgreSQL's as the caller knows it. `local I = …` stands in front.
--
-- ARGV: ROLL of ../script_texts.def
-- Reply: CURRENT | NOT_LOADED | TOO_EARLY; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.charged, M.refunded, M.quota_limit, M.base,
  M.period_charged, M.period_refunded, M.period_no, M.period_end_ms, M.next_end_ms, M.dirty,
  M.rolls)
if v[1] ~= I then
  return NOT_LOADED
end
local t = redis.call('TIME')
local now_ms = math.floor((t[1] * 1000000 + t[2]) / 1000)
local c, r, lim, base, pc, pr, pn, pend, nend = tonumber(v[2]), tonumber(v[3]), tonumber(v[4]), tonumber(v[5]), tonumber(v[6]),
  tonumber(v[7]), tonumber(v[8]), tonumber(v[9]), tonumber(v[10])
if pend == 0 or now_ms < pend then
  return CURRENT
end
if pend > tonumber(ARGV.database_ms) then
  return TOO_EARLY
end
if now_ms >= nend then
  return nend > tonumber(ARGV.database_ms) and TOO_EARLY or NOT_LOADED
end
local left = lim - base - (c - pc) + (r - pr)
local rolls = (v[12] or '') .. ROLL { pn = pn, c = c, r = r, start_ms = pend, end_ms = nend }
redis.call('INCRBY', KEYS.quota, lim - left)
redis.call('HSET', KEYS.m, M.rolls, rolls, M.base, 0, M.period_charged, c, M.period_refunded, r,
  M.period_no, pn + 1, M.period_end_ms, nend, M.next_end_ms, 0, M.dirty, 1)
if v[11] ~= '1' then
  redis.call('SADD', KEYS.dirty, KEYS.quota)
end
return CURRENT
