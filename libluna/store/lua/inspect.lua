-- One account, as it is at one moment.
-- KEYS: m, quota, delta
local v = redis.call('HMGET', KEYS[1], 'e', 'c', 'r', 'a', 'ar', 'lim', 'base', 'pc', 'pr', 'pn', 'I', 'pend')
v[13] = redis.call('GET', KEYS[2])
v[14] = redis.call('GET', KEYS[3])
return v
