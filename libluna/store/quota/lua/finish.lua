-- Does the charge still stand, just before a success is sent? Called only when the journal alone
-- cannot tell: a recovery has started, or the charge holds a concurrent slot or an idempotency
-- record. Ends the concurrent request and makes the idempotency record final. `local I = …` and the
-- constants of ../script_replies.def stand in front.
--
-- KEYS: m, concurrent, idempotency
-- ARGV: worker, wseq, epoch, body hash ('' without), life of the record ms
-- Reply: STANDS | VOID
local v = redis.call('HMGET', KEYS[1], 'I', 'e')
redis.call('HDEL', KEYS[2], ARGV[1])
if v[1] ~= I or v[2] ~= ARGV[3] then
  return VOID
end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[3], 'D ' .. ARGV[1] .. ':' .. ARGV[2] .. ' ' .. ARGV[4], 'PX', ARGV[5])
end
return STANDS
