-- PostgreSQL has booked up to (c, r) of epoch e: the delta shrinks by what is newly booked; it is
-- never set to a fixed value, as charges may have come since (I3, I11). An account that Redis does
-- not have any more leaves the dirty set; one of another epoch is not changed.
--
-- ARGV: epoch, c, r, next period's end ms (0: none), current period's number, whether charges were
--   pending at the snapshot (strict mode): such an account stays in the dirty set
-- Reply: ACKNOWLEDGED | NOTHING; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, 'e', 'c', 'r', 'a', 'ar', 'rolls', 'pn')
if not v[1] then
  redis.call('SREM', KEYS.dirty, KEYS.quota)
  return NOTHING
end
if v[1] ~= ARGV[1] then
  return NOTHING
end
local c, r, a, ar = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(v[4]), tonumber(v[5])
if c > a then
  redis.call('DECRBY', KEYS.delta, c - a)
  a = c
end
if r > ar then
  ar = r
end
-- Drop the ends of periods that are booked: PostgreSQL is in period ARGV[5] (I9).
local rolls = {}
for roll in string.gmatch(v[6] or '', ROLL_ANY) do
  local pn = string.match(roll, ROLL)
  if tonumber(pn) >= tonumber(ARGV[5]) then
    rolls[#rolls + 1] = roll
  end
end
local kept = table.concat(rolls)
redis.call('HSET', KEYS.m, 'a', a, 'ar', ar, 'rolls', kept)
if v[7] == ARGV[5] then
  redis.call('HSET', KEYS.m, 'nend', ARGV[4])
end
if a == tonumber(v[2]) and ar == tonumber(v[3]) and kept == '' and ARGV[6] == '0' then
  redis.call('HSET', KEYS.m, 'd', 0)
  redis.call('SREM', KEYS.dirty, KEYS.quota)
end
return ACKNOWLEDGED
