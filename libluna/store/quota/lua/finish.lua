-- Does the charge still stand, just before a success is sent? Called only when the journal alone
-- cannot tell: a recovery has started, or the charge holds a concurrent slot or an idempotency
-- record; in strict mode always, as there it confirms the charge. Ends the concurrent request and
-- makes the idempotency record final. `local I, S = …` and the constants of ../script_replies.def
-- stand in front.
--
-- A short answer is kept with the record, as long as there is room: every account has some, and all
-- together have some, each counted for as long as a record lives.
--
-- ARGV: worker, wseq, epoch, body hash ('' without), life of the record ms, units charged,
--   answer ('' for none), most bytes of this account, most bytes of all
-- Reply: STANDS | VOID
local v = redis.call('HMGET', KEYS.m, 'I', 'e', ARGV[1])
redis.call('HDEL', KEYS.concurrent, ARGV[1])
if v[1] ~= I or v[2] ~= ARGV[3] then
  return VOID
end
if S and ARGV[6] ~= '0' then
  local wseq, charged, pn, cost = string.match(v[3] or '', MARK)
  if wseq ~= ARGV[2] then
    return VOID
  end
  redis.call('HSET', KEYS.m, ARGV[1], MARK { wseq = wseq, charged = charged, pn = pn, cost = cost })
end
local function has_room(key, bytes_max)
  return tonumber(redis.call('GET', key) or 0) + #ARGV[7] <= tonumber(bytes_max)
end
local function take_room(key)
  if redis.call('INCRBY', key, #ARGV[7]) == #ARGV[7] then
    redis.call('PEXPIRE', key, ARGV[5])
  end
end
local record = RECORD { state = RECORD_DONE, owner = OWNER { worker = ARGV[1], wseq = ARGV[2] }, hash = ARGV[4] }
if ARGV[7] ~= '' and has_room(KEYS.answers, ARGV[8]) and has_room(KEYS.all_answers, ARGV[9]) then
  take_room(KEYS.answers)
  take_room(KEYS.all_answers)
  record = RECORD { state = RECORD_DONE, owner = OWNER { worker = ARGV[1], wseq = ARGV[2] }, hash = ARGV[4], answered = ARGV[7] }
end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS.idempotency, record, 'PX', ARGV[5])
end
return STANDS
