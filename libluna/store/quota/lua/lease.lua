-- The right to load a cold account: one holder, until it is used, taken away by a change, or too old. Granting it forgets
-- what was there of another life, so that an epoch that was seen dead stays dead. `local I = …` stands in front.
-- KEYS: m, load, quota, delta     ARGV: token, lease ms
-- Reply: {1 granted | 0 another loads | 2 not cold, now_ms}
local t = redis.call('TIME')
local now_ms = math.floor((t[1] * 1000000 + t[2]) / 1000)
local v = redis.call('HMGET', KEYS[1], 'I', 'pend', 'nend')
if v[1] == I then
  local pend, nend = tonumber(v[2]), tonumber(v[3])
  if pend == 0 or now_ms < pend or now_ms < nend then
    return {2, now_ms}
  end
end
if not redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return {0, now_ms}
end
redis.call('DEL', KEYS[1], KEYS[3], KEYS[4])
return {1, now_ms}
