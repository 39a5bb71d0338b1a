-- Removes an account whose counters PostgreSQL has booked completely, so that the next request
-- loads it again, in an epoch and a period of PostgreSQL's. No effect when something was charged or
-- refunded since.
--
-- ARGV: epoch, c, r, as booked
-- Reply: DROPPED | KEPT; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, 'e', 'c', 'r')
if v[1] ~= ARGV[1] or v[2] ~= ARGV[2] or v[3] ~= ARGV[3] then
  return KEPT
end
redis.call('DEL', KEYS.m, KEYS.quota, KEYS.delta)
redis.call('SREM', KEYS.dirty, KEYS.quota)
return DROPPED
