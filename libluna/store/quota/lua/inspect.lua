-- One account at one moment, for the invariants I3 and I5. If something of it is not booked it is
-- put into the dirty set, in case somebody removed it by hand (I11).
--
-- KEYS: m, quota, delta, dirty
-- Reply: the fields in the order of booking/gauges.c
local v = redis.call('HMGET', KEYS[1], 'e', 'c', 'r', 'a', 'ar', 'lim', 'base', 'pc', 'pr', 'pn', 'I', 'pend')
if v[1] and (v[2] ~= v[4] or v[3] ~= v[5]) then
  redis.call('SADD', KEYS[4], KEYS[2])
end
v[13] = redis.call('GET', KEYS[2])
v[14] = redis.call('GET', KEYS[3])
return v
