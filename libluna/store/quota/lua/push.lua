-- An operator's change. Limits move by their difference, so that they commute with charges (I8). A
-- loader that read the old state loses its lease (I13), and "unknown account" is forgotten.
--
-- ARGV: PUSH of ../script_texts.def
-- Reply: PUSHED | NOT_NEEDED; ../script_replies.def
redis.call('DEL', KEYS.load, KEYS.absent)
local v = redis.call('HMGET', KEYS.m, M.config_version, M.quota_limit, M.period_no)
if not v[1] or tonumber(v[1]) >= tonumber(ARGV.config_version) then
  return NOT_NEEDED
end
local change = tonumber(ARGV.quota_limit) - tonumber(v[2])
if change ~= 0 then
  redis.call('INCRBY', KEYS.quota, change)
end
local kept = {}
for i = ARGV_AT.fields, #ARGV, 2 do
  kept[ARGV[i]] = true
end
-- Keys that are gone, and the state of their own burst.
for _, field in ipairs(redis.call('HKEYS', KEYS.m)) do
  local kind, digest = string.sub(field, 1, 2), string.sub(field, 3)
  if (kind == M.key or kind == M.key_burst_state) and not kept[M.key .. digest] then
    redis.call('HDEL', KEYS.m, field)
  end
end
redis.call('HSET', KEYS.m, M.config_version, ARGV.config_version, M.quota_limit, ARGV.quota_limit, unpack(ARGV, ARGV_AT.fields))
if v[3] == ARGV.period_no then
  redis.call('HSET', KEYS.m, M.period_end_ms, ARGV.period_end_ms, M.next_end_ms, ARGV.next_end_ms)
end
return PUSHED
