-- PostgreSQL has booked up to (c, r) of epoch e: the delta shrinks by what is newly booked; it is
-- never set to a fixed value, as charges may have come since (I3, I11). An account that Redis does
-- not have any more leaves the dirty set; one of another epoch is not changed.
--
-- ARGV: ACK of ../script_texts.def
-- Reply: ACKNOWLEDGED | NOTHING; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, M.epoch, M.charged, M.refunded, M.acknowledged,
  M.acknowledged_refunds, M.rolls, M.period_no)
if not v[1] then
  redis.call('SREM', KEYS.dirty, KEYS.quota)
  return NOTHING
end
if v[1] ~= ARGV.epoch then
  return NOTHING
end
local c, r, a, ar = tonumber(ARGV.charged), tonumber(ARGV.refunded), tonumber(v[4]), tonumber(v[5])
if c > a then
  redis.call('DECRBY', KEYS.delta, c - a)
  a = c
end
if r > ar then
  ar = r
end
-- Drop the ends of periods that are booked: PostgreSQL is in period ARGV.period_no (I9).
local rolls = {}
for roll in string.gmatch(v[6] or '', ROLL_ANY) do
  local pn = string.match(roll, ROLL)
  if tonumber(pn) >= tonumber(ARGV.period_no) then
    rolls[#rolls + 1] = roll
  end
end
local kept = table.concat(rolls)
redis.call('HSET', KEYS.m, M.acknowledged, a, M.acknowledged_refunds, ar, M.rolls, kept)
if v[7] == ARGV.period_no then
  redis.call('HSET', KEYS.m, M.next_end_ms, ARGV.next_end_ms)
end
if a == tonumber(v[2]) and ar == tonumber(v[3]) and kept == '' and ARGV.pending == '0' then
  redis.call('HSET', KEYS.m, M.dirty, 0)
  redis.call('SREM', KEYS.dirty, KEYS.quota)
end
return ACKNOWLEDGED
