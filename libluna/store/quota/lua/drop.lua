-- Removes an account whose counters PostgreSQL has booked completely, so that the next request
-- loads it again, in an epoch and a period of PostgreSQL's. No effect when something was charged or
-- refunded since.
--
-- ARGV: DROP of ../script_texts.def
-- Reply: DROPPED | KEPT; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, M.epoch, M.charged, M.refunded)
if v[1] ~= ARGV.epoch or v[2] ~= ARGV.charged or v[3] ~= ARGV.refunded then
  return KEPT
end
redis.call('DEL', KEYS.m, KEYS.quota, KEYS.delta)
redis.call('SREM', KEYS.dirty, KEYS.quota)
return DROPPED
