-- Processor time that a request used counts against the plan's budget, whatever became of the
-- request: GCRA, in the time that the budget takes to provide it. `local I, S = …` stands in front.
--
-- ARGV: SPEND of ../script_texts.def
-- Reply: SPENT | NO_BUDGET; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.compute_ms_per_s, M.compute_state)
local per_s = tonumber(v[2] or 0)
if v[1] ~= I or per_s == 0 then
  return NO_BUDGET
end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local debt_max_us = COMPUTE_DEBT_MAX_S * 1000000
local ctat = tonumber(v[3] or 0)
if ctat < now or ctat > now + debt_max_us then
  ctat = now
end
ctat = math.min(ctat + tonumber(ARGV.cpu_ms) * 1000000 / per_s, now + debt_max_us)
redis.call('HSET', KEYS.m, M.compute_state, string.format('%d', ctat))
return SPENT
