-- The end of a cold load. No effect unless the lease is still the caller's (I12, I13).
-- `local I, S = …` and the constants of ../script_replies.def stand in front.
--
-- KEYS: m, quota, delta, load, absent
-- ARGV: token, what: INSTALL_DROP, INSTALL_ABSENT (then its life, ms, and the account's keys, ''
--   when it is unknown), or INSTALL_LIVE (then remaining, and the fields of m)
-- Reply: INSTALLED | LOST
if redis.call('GET', KEYS[4]) ~= I .. ':' .. ARGV[1] then
  return LOST
end
redis.call('DEL', KEYS[4])
if ARGV[2] == INSTALL_ABSENT then
  redis.call('SET', KEYS[5], ARGV[4], 'PX', ARGV[3])
elseif ARGV[2] == INSTALL_LIVE then
  redis.call('DEL', KEYS[1], KEYS[5])
  redis.call('HSET', KEYS[1], 'I', I, 'st', S and 1 or 0, unpack(ARGV, 4))
  redis.call('SET', KEYS[2], ARGV[3])
  redis.call('SET', KEYS[3], 0)
end
return INSTALLED
