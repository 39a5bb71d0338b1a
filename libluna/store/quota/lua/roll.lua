-- Closes the account's period after its last charge and starts the next one; quota-syncd books it
-- from `rolls` (I9). A period moves only by an instant that both clocks have reached: this one, and
-- PostgreSQL's as the caller knows it. `local I = …` stands in front.
--
-- KEYS: m, quota, dirty
-- ARGV: the latest instant that PostgreSQL's clock allows, ms
-- Reply: 1 the current period has not ended, 0 the account is cold, or has to be loaded as both of
--   its periods have ended, -1 PostgreSQL's clock contradicts
local v = redis.call('HMGET', KEYS[1], 'I', 'c', 'r', 'lim', 'base', 'pc', 'pr', 'pn', 'pend', 'nend', 'd', 'rolls')
if v[1] ~= I then
  return 0
end
local t = redis.call('TIME')
local now_ms = math.floor((t[1] * 1000000 + t[2]) / 1000)
local c, r, lim, base, pc, pr, pn, pend, nend = tonumber(v[2]), tonumber(v[3]), tonumber(v[4]), tonumber(v[5]), tonumber(v[6]),
  tonumber(v[7]), tonumber(v[8]), tonumber(v[9]), tonumber(v[10])
if pend == 0 or now_ms < pend then
  return 1
end
if pend > tonumber(ARGV[1]) then
  return -1
end
if now_ms >= nend then
  return nend > tonumber(ARGV[1]) and -1 or 0
end
local left = lim - base - (c - pc) + (r - pr)
local rolls = (v[12] or '') .. string.format('%.0f %.0f %.0f %.0f %.0f;', pn, c, r, pend, nend)
redis.call('INCRBY', KEYS[2], lim - left)
redis.call('HSET', KEYS[1], 'rolls', rolls, 'base', 0, 'pc', c, 'pr', r, 'pn', pn + 1, 'pend', nend, 'nend', 0, 'd', 1)
if v[11] ~= '1' then
  redis.call('SADD', KEYS[3], KEYS[2])
end
return 1
