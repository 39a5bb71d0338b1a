-- Announces a new incarnation and its scripts, unless a newer one is announced already. The dirty
-- set is deleted: what it named was booked from the journals. The constants of
-- ../script_replies.def stand in front.
--
-- ARGV: FENCE of ../script_texts.def
-- Reply: ANNOUNCED | OLDER
if tonumber(redis.call('HGET', KEYS.fence, FENCE.incarnation) or 0) >= tonumber(ARGV.incarnation) then
  return OLDER
end
redis.call('DEL', KEYS.fence, KEYS.dirty)
redis.call('HSET', KEYS.fence, FENCE.incarnation, ARGV.incarnation, unpack(ARGV, ARGV_AT.fields))
return ANNOUNCED
