-- Just before a success is sent, when more than the journal is needed: does the charge still stand? Then the idempotency
-- record becomes final, and the concurrent request ends. `local I = …` stands in front.
-- KEYS: m, concurrent, idempotency     ARGV: worker, wseq, epoch, body hash ('' without), life of the record ms
local v = redis.call('HMGET', KEYS[1], 'I', 'e')
redis.call('HDEL', KEYS[2], ARGV[1])
if v[1] ~= I or v[2] ~= ARGV[3] then
  return 0
end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[3], 'D ' .. ARGV[1] .. ':' .. ARGV[2] .. ' ' .. ARGV[4], 'PX', ARGV[5])
end
return 1
