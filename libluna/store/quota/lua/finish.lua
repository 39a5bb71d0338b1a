-- Does the charge still stand, just before a success is sent? Called only when the journal alone
-- cannot tell: a recovery has started, or the charge holds a concurrent slot or an idempotency
-- record; in strict mode always, as there it confirms the charge. Ends the concurrent request and
-- makes the idempotency record final. `local I, S = …` and the constants of ../script_replies.def
-- stand in front.
--
-- KEYS: m, concurrent, idempotency
-- ARGV: worker, wseq, epoch, body hash ('' without), life of the record ms
-- Reply: STANDS | VOID
local v = redis.call('HMGET', KEYS[1], 'I', 'e', ARGV[1])
redis.call('HDEL', KEYS[2], ARGV[1])
if v[1] ~= I or v[2] ~= ARGV[3] then
  return VOID
end
if S then
  local wseq, mark = string.match(v[3] or '', '^(%d+)( %d+ %d+ %d+)')
  if wseq ~= ARGV[2] then
    return VOID
  end
  redis.call('HSET', KEYS[1], ARGV[1], wseq .. mark)
end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[3], 'D ' .. ARGV[1] .. ':' .. ARGV[2] .. ' ' .. ARGV[4], 'PX', ARGV[5])
end
return STANDS
