-- One account at one moment, for the invariants I3 and I5. If something of it is not booked it is
-- put into the dirty set, in case somebody removed it by hand (I11).
--
-- Reply: the fields of ../script_replies.def; nil where Redis has none
local v = redis.call('HMGET', KEYS.m, M.epoch, M.charged, M.refunded, M.acknowledged,
  M.acknowledged_refunds, M.quota_limit, M.base, M.period_charged, M.period_refunded, M.period_no,
  M.incarnation)
if v[1] and (v[2] ~= v[4] or v[3] ~= v[5]) then
  redis.call('SADD', KEYS.dirty, KEYS.quota)
end
return reply {
  epoch = v[1],
  charged = v[2],
  refunded = v[3],
  acknowledged = v[4],
  acknowledged_refunds = v[5],
  quota_limit = v[6],
  base = v[7],
  period_charged = v[8],
  period_refunded = v[9],
  period_no = v[10],
  incarnation = v[11],
  quota = redis.call('GET', KEYS.quota),
  delta = redis.call('GET', KEYS.delta),
}
