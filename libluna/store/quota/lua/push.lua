-- An operator's change. Limits move by their difference, so that they commute with charges (I8). A
-- loader that read the old state loses its lease (I13), and "unknown account" is forgotten.
--
-- ARGV: version, limit, current period's number, its end ms, next end ms, then pairs: the fields to
--   set, all 'k:' fields among them
-- Reply: PUSHED | NOT_NEEDED; ../script_replies.def
redis.call('DEL', KEYS.load, KEYS.absent)
local v = redis.call('HMGET', KEYS.m, 'lv', 'lim', 'pn')
if not v[1] or tonumber(v[1]) >= tonumber(ARGV[1]) then
  return NOT_NEEDED
end
local change = tonumber(ARGV[2]) - tonumber(v[2])
if change ~= 0 then
  redis.call('INCRBY', KEYS.quota, change)
end
local kept = {}
for i = 6, #ARGV, 2 do
  kept[ARGV[i]] = true
end
-- Keys that are gone, and the state of their own burst.
for _, field in ipairs(redis.call('HKEYS', KEYS.m)) do
  local kind, digest = string.sub(field, 1, 2), string.sub(field, 3)
  if (kind == 'k:' or kind == 't:') and not kept['k:' .. digest] then
    redis.call('HDEL', KEYS.m, field)
  end
end
redis.call('HSET', KEYS.m, 'lv', ARGV[1], 'lim', ARGV[2], unpack(ARGV, 6))
if v[3] == ARGV[3] then
  redis.call('HSET', KEYS.m, 'pend', ARGV[4], 'nend', ARGV[5])
end
return PUSHED
