-- Less was done than was charged: the charge becomes smaller, before it is committed. The argument
-- is what stays charged, not what is refunded, so that repeating is harmless. `local I, S = …` and
-- the constants of ../script_replies.def stand in front.
--
-- ARGV: REDUCE of ../script_texts.def
-- Reply: the units that are charged now, more than asked for when the charge's period has ended (it
--   stays as it is then, I9); VOID when the charge does not stand any more
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.refunded, M.period_no, M.dirty, ARGV.worker)
local wseq, charged, pn, cost, ends = string.match(v[5] or '', MARK_WHOLE)
if v[1] ~= I or wseq ~= ARGV.wseq then
  return VOID
end
local back = tonumber(cost) - tonumber(ARGV.units)
if back <= 0 or tonumber(pn) ~= tonumber(v[3]) then
  return tonumber(cost)
end
local mark = MARK { wseq = wseq, charged = charged, pn = pn, cost = ARGV.units }
if ends ~= '' then
  mark = MARK { wseq = wseq, charged = charged, pn = pn, cost = ARGV.units, ends = ends }
end
redis.call('HSET', KEYS.m, M.refunded, tonumber(v[2]) + back, M.dirty, 1, ARGV.worker, mark)
redis.call('INCRBY', KEYS.quota, back)
if v[4] ~= '1' then
  redis.call('SADD', KEYS.dirty, KEYS.quota)
end
return tonumber(ARGV.units)
