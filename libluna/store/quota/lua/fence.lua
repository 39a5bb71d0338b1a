-- Announces a new incarnation and its scripts, unless a newer one is announced already. The dirty
-- set is deleted: what it named was booked from the journals. The constants of
-- ../script_replies.def stand in front.
--
-- ARGV: incarnation, then pairs: the other fields of the record
-- Reply: ANNOUNCED | OLDER
if tonumber(redis.call('HGET', KEYS.fence, 'incarnation') or 0) >= tonumber(ARGV[1]) then
  return OLDER
end
redis.call('DEL', KEYS.fence, KEYS.dirty)
redis.call('HSET', KEYS.fence, 'incarnation', ARGV[1], unpack(ARGV, 2))
return ANNOUNCED
