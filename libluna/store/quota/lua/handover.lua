-- Announces the scripts of another build in an incarnation that goes on. Those of the build before
-- stay in Redis, for the workers that know them. Loaded with the scripts that it announces, so a
-- fence that flushed them has flushed it too. `local I, S = …` and the constants of
-- ../script_replies.def stand in front.
--
-- ARGV: HANDOVER of ../script_texts.def
-- Reply: ANNOUNCED | OTHERS
local v = redis.call('HMGET', KEYS.fence, FENCE.incarnation, FENCE.build)
if v[1] ~= I or v[2] ~= ARGV.from then
  return OTHERS
end
redis.call('HSET', KEYS.fence, unpack(ARGV, ARGV_AT.fields))
return ANNOUNCED
