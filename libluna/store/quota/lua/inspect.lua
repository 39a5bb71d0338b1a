-- One account, as it is at one moment. If something of it is not booked it belongs into the dirty
-- set, even if a hand has taken it out. KEYS: m, quota, delta, dirty
local v = redis.call('HMGET', KEYS[1], 'e', 'c', 'r', 'a', 'ar', 'lim', 'base', 'pc', 'pr', 'pn', 'I', 'pend')
if v[1] and (v[2] ~= v[4] or v[3] ~= v[5]) then
  redis.call('SADD', KEYS[4], KEYS[2])
end
v[13] = redis.call('GET', KEYS[2])
v[14] = redis.call('GET', KEYS[3])
return v
