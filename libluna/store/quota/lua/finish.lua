-- Does the charge still stand, just before a success is sent? Called only when the journal alone
-- cannot tell: a recovery has started, or the charge holds a concurrent slot or an idempotency
-- record; in strict mode always, as there it confirms the charge. Ends the concurrent request and
-- makes the idempotency record final. `local I, S = …` and the constants of ../script_replies.def
-- stand in front.
--
-- A short answer is kept with the record, as long as there is room: every account has some, and all
-- together have some, each counted for as long as a record lives.
--
-- ARGV: FINISH of ../script_texts.def
-- Reply: STANDS | VOID
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.epoch, ARGV.worker)
redis.call('HDEL', KEYS.concurrent, ARGV.worker)
if v[1] ~= I or v[2] ~= ARGV.epoch then
  return VOID
end
if S and ARGV.cost ~= '0' then
  local wseq, charged, pn, cost = string.match(v[3] or '', MARK)
  if wseq ~= ARGV.wseq then
    return VOID
  end
  redis.call('HSET', KEYS.m, ARGV.worker, MARK { wseq = wseq, charged = charged, pn = pn, cost = cost })
end
local function has_room(key, bytes_max)
  return tonumber(redis.call('GET', key) or 0) + #ARGV.answer <= tonumber(bytes_max)
end
local function take_room(key)
  if redis.call('INCRBY', key, #ARGV.answer) == #ARGV.answer then
    redis.call('PEXPIRE', key, ARGV.record_life_ms)
  end
end
local record = RECORD {
  state = RECORD_DONE, owner = OWNER { worker = ARGV.worker, wseq = ARGV.wseq },
  hash = ARGV.body_hash }
if ARGV.answer ~= '' and has_room(KEYS.answers, ARGV.account_bytes_max) and
  has_room(KEYS.all_answers, ARGV.all_bytes_max) then
  take_room(KEYS.answers)
  take_room(KEYS.all_answers)
  record = RECORD {
    state = RECORD_DONE, owner = OWNER { worker = ARGV.worker, wseq = ARGV.wseq },
    hash = ARGV.body_hash, answered = ARGV.answer }
end
if ARGV.unfinished == '1' then
  record = RECORD {
    state = RECORD_UNFINISHED, owner = OWNER { worker = ARGV.worker, wseq = ARGV.wseq },
    hash = ARGV.body_hash, answered = ARGV.cost }
end
if ARGV.body_hash ~= '' then
  redis.call('SET', KEYS.idempotency, record, 'PX', ARGV.record_life_ms)
end
return STANDS
