-- The request failed after it was charged. The worker's mark says what its last charge was and that
-- it was refunded, so that repeating is harmless (I1). `local I, S = …` stands in front.
--
-- ARGV: REFUND of ../script_texts.def
-- Reply: units refunded, or NOTHING; ../script_replies.def
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.refunded, M.period_no, M.dirty, ARGV.worker)
redis.call('HDEL', KEYS.concurrent, ARGV.worker)
local seen = redis.call('GET', KEYS.idempotency)
local _, owner = string.match(seen or '', RECORD)
if owner == OWNER { worker = ARGV.worker, wseq = ARGV.wseq } then
  redis.call('DEL', KEYS.idempotency)
end
if v[1] ~= I then
  return NOTHING
end
local wseq, _, pn, cost, ends = string.match(v[5] or '', MARK_WHOLE)
if wseq ~= ARGV.wseq then
  -- Not charged. The command may still arrive, from a connection that timed out: the mark makes it
  -- come too late. It replaces a mark of a wrong clock, as admit.lua ignores one: by the same rule.
  local wseq = string.match(v[5] or '', MARK)
  local t = redis.call('TIME')
  local now, life_us = t[1] * 1000000 + t[2], (REQUEST_MAX_MS + LIFE_SLACK_MS) * 1000
  local ahead = tonumber(wseq or 0) - tonumber(ARGV.wseq)
  if ahead < 0 or (ahead > life_us and tonumber(wseq) > now + life_us) then
    redis.call('HSET', KEYS.m, ARGV.worker, MARK { wseq = ARGV.wseq, charged = REFUNDED })
  end
  return NOTHING
end
if tonumber(pn) ~= tonumber(v[3]) or (ARGV.which == REFUND_PENDING and ends == '') then
  return NOTHING
end
redis.call('HSET', KEYS.m, M.refunded, tonumber(v[2]) + cost, M.dirty, 1,
  ARGV.worker, MARK { wseq = wseq, charged = REFUNDED })
redis.call('INCRBY', KEYS.quota, cost)
if v[4] ~= '1' then
  redis.call('SADD', KEYS.dirty, KEYS.quota)
end
return tonumber(cost)
