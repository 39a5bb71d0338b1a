-- Strict mode: an account's snapshot, for a booking. A charge is pending until its request confirms
-- it. One whose request cannot confirm it any more is refunded first: its time is over, as its
-- worker was killed, maybe with its whole host; or all, when the scripts are gone.
--
-- ARGV: REAP of ../script_texts.def
-- Reply: the fields of ../script_replies.def; '' where Redis has none
local fields = redis.call('HGETALL', KEYS.m)
local v = {}
for i = 1, #fields, 2 do
  v[fields[i]] = fields[i + 1]
end
local t = redis.call('TIME')
local now_ms = math.floor((t[1] * 1000000 + t[2]) / 1000)
local life_max_ms = REQUEST_MAX_MS + LIFE_SLACK_MS -- of a request; one that ends later began while this clock was ahead
local pending, back = 0, 0
for worker, mark in pairs(v[M.strict] == '1' and v or {}) do
  local wseq, _, pn, cost, ends = string.match(mark, MARK_WHOLE)
  if wseq and ends ~= '' and string.match(worker, '^w%x+%.%d+$') then
    if ARGV.which == REAP_EXPIRED and tonumber(ends) > now_ms and tonumber(ends) <= now_ms + life_max_ms then
      pending = pending + 1
    else
      redis.call('HSET', KEYS.m, worker, MARK { wseq = wseq, charged = REFUNDED })
      -- It stays charged when its period has ended, as in refund.lua (I9).
      back = back + (pn == v[M.period_no] and tonumber(cost) or 0)
    end
  end
end
if back > 0 then
  v[M.refunded] = string.format('%d', tonumber(v[M.refunded]) + back)
  redis.call('HSET', KEYS.m, M.refunded, v[M.refunded], M.dirty, 1)
  redis.call('INCRBY', KEYS.quota, back)
end
return reply {
  incarnation = v[M.incarnation] or '',
  epoch = v[M.epoch] or '',
  charged = v[M.charged] or '',
  refunded = v[M.refunded] or '',
  rolls = v[M.rolls] or '',
  pending = pending,
  strict = v[M.strict] or '',
}
