-- The end of a cold load. No effect unless the lease is still the caller's (I12, I13).
-- `local I, S = …` and the constants of ../script_replies.def stand in front.
--
-- ARGV: INSTALL of ../script_texts.def
-- Reply: INSTALLED | LOST
if redis.call('GET', KEYS.load) ~= HOLDER { incarnation = I, token = ARGV.token } then
  return LOST
end
redis.call('DEL', KEYS.load)
if ARGV.what == INSTALL_ABSENT then
  redis.call('SET', KEYS.absent, ARGV.keys, 'PX', ARGV.life_ms)
elseif ARGV.what == INSTALL_LIVE then
  redis.call('DEL', KEYS.m, KEYS.absent)
  redis.call('HSET', KEYS.m, M.incarnation, I, M.strict, S and 1 or 0, unpack(ARGV, ARGV_AT.fields))
  redis.call('SET', KEYS.quota, ARGV.left)
  redis.call('SET', KEYS.delta, 0)
end
return INSTALLED
