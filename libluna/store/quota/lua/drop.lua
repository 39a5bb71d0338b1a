-- Removes an account whose counters PostgreSQL has booked completely, so that the next request
-- loads it again, in an epoch and a period of PostgreSQL's. No effect when something was charged or
-- refunded since.
--
-- KEYS: m, quota, delta, dirty
-- ARGV: epoch, c, r, as booked
-- Reply: DROPPED | KEPT; ../script_replies.def
local v = redis.call('HMGET', KEYS[1], 'e', 'c', 'r')
if v[1] ~= ARGV[1] or v[2] ~= ARGV[2] or v[3] ~= ARGV[3] then
  return KEPT
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
redis.call('SREM', KEYS[4], KEYS[2])
return DROPPED
