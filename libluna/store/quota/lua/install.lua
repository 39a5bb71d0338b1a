-- The end of a cold load. No effect unless the lease is still the caller's (I12, I13).
-- `local I, S = …` and the constants of ../script_replies.def stand in front.
--
-- ARGV: token, what: INSTALL_DROP, INSTALL_ABSENT (then its life, ms, and the account's keys, ''
--   when it is unknown), or INSTALL_LIVE (then remaining, and the fields of m)
-- Reply: INSTALLED | LOST
if redis.call('GET', KEYS.load) ~= I .. ':' .. ARGV[1] then
  return LOST
end
redis.call('DEL', KEYS.load)
if ARGV[2] == INSTALL_ABSENT then
  redis.call('SET', KEYS.absent, ARGV[4], 'PX', ARGV[3])
elseif ARGV[2] == INSTALL_LIVE then
  redis.call('DEL', KEYS.m, KEYS.absent)
  redis.call('HSET', KEYS.m, 'I', I, 'st', S and 1 or 0, unpack(ARGV, 4))
  redis.call('SET', KEYS.quota, ARGV[3])
  redis.call('SET', KEYS.delta, 0)
end
return INSTALLED
