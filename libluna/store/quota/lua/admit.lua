-- May this request run, and the charge if it may: key, address, scope, retry, burst, points,
-- idempotency, quota, compute budget, concurrency.
--
-- ARGV: ADMIT of ../script_texts.def
-- Reply: the fields of ../admit_reply.def as 64-bit numbers in one string, as that many replies
--   would take longer than the rest of the script. After them the answer that was kept for a
--   replay, if there is one.
--
-- In front of this text stand `local I, S = '<incarnation>', <strict mode>` and the constants of
-- admission_outcomes.def and admit_reply.def; script_texts.def has what KEYS, ARGV and M are, and
-- the limits, words, texts.
-- Another incarnation is another script, so nothing can be charged in a Redis that quota-syncd has
-- not recovered since it started. The build turns `reply { … }` into one struct.pack() in the
-- table's order.
local v = redis.call('HMGET', KEYS.m, M.incarnation, M.epoch, M.charged, M.refunded, M.quota_limit,
  M.base, M.period_charged, M.period_refunded, M.period_no, M.period_end_ms, M.burst_state,
  M.rate_per_s, M.rate_burst, M.points_max, M.concurrent_max, M.off, M.dirty, M.period_kind,
  M.key .. ARGV.key, ARGV.worker, M.compute_ms_per_s, M.compute_state)
local digest, key = ARGV.key, v[19]
if not key and ARGV.earlier_key then
  local earlier = redis.call('HGET', KEYS.m, M.key .. ARGV.earlier_key)
  if earlier then
    digest, key = ARGV.earlier_key, earlier
  end
end
if v[1] ~= I then
  -- What PostgreSQL said to a cold load that was refused, for some seconds: '' when the account is
  -- unknown, else its keys. No wrong key reaches PostgreSQL meanwhile.
  local known = redis.call('GET', KEYS.absent)
  if known == '' and not v[1] then
    return struct.pack('<i8', ACCOUNT_UNKNOWN)
  end
  if known and known ~= '' and not string.find(known, ARGV.key, 1, true) and
    not (ARGV.earlier_key and string.find(known, ARGV.earlier_key, 1, true)) then
    return struct.pack('<i8', KEY_INVALID)
  end
  return struct.pack('<i8', COLD)
end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local now_ms = math.floor(now / 1000)
-- Arithmetic and struct.pack() accept text as numbers; a comparison does not. `+ 0` makes a number
-- without the call that tonumber() is.
local c, pend = v[3] + 0, v[10] + 0
local dirty = v[17] == '1'
local left = v[5] - v[6] - (c - v[7]) + (v[4] - v[8])

-- The caller knows another clock, and closes the period by roll.lua if both have reached its end.
if pend > 0 and now_ms >= pend then
  return struct.pack('<i8', key and PERIOD_ENDED or v[16] == OFF_DELETED and ACCOUNT_UNKNOWN or KEY_INVALID)
end

local rate, burst, points_max = v[12] + 0, v[13] + 0, v[14] + 0
local gap = math.floor(1000000 / rate)
local tat = v[11] + 0
-- Further ahead than a burst: written while this clock was ahead, or under a plan with more.
if tat < now or tat > now + burst * gap then
  tat = now
end
-- How long the account's plan takes to provide what it has computed.
local debt_us = v[22] and v[21] ~= '0' and v[22] - now or 0
if debt_us < 0 or debt_us > COMPUTE_DEBT_MAX_S * 1000000 then -- the clock went back
  debt_us = 0
end
local scopes, from_ms, until_ms, used_s, key_rate, key_burst, networks = '0' -- of the key
local key_gap, key_tat -- nil: it has no rate of its own
local replay_units = 0 -- what the first request was charged, if it was not finished
local kept = '' -- the first answer, for a replay, if the record has it
local check, counted = ARGV.stage == STAGE_CHECK, ARGV.stage == STAGE_CHARGE
local outcome
local charged_total, retry_ms = 0, 0 -- charged_total: c, if this request is charged

-- A refusal is a `break` to the reply at the end: a function that made it would cost an allocation
-- for each of these locals that it reads, in every request.
repeat
  if not key then
    if v[16] == OFF_DELETED then -- it has no keys, and looks like one that never was
      return struct.pack('<i8', ACCOUNT_UNKNOWN)
    end
    outcome = KEY_INVALID
    break
  end
  scopes, from_ms, until_ms, used_s, key_rate, key_burst, networks =
    string.match(key, KEY_WHOLE)
  if not scopes then -- not used yet, and without properties
    scopes, from_ms, until_ms = string.match(key, KEY_WHOLE)
    used_s, key_rate, key_burst, networks = '0', '0', '0', '-'
  end
  if now_ms < from_ms + 0 or (until_ms ~= '0' and now_ms >= until_ms + 0) then
    outcome = KEY_INVALID
    break
  end
  if v[16] == '1' then
    outcome = ACCOUNT_DISABLED
    break
  end
  if networks ~= '-' then
    local inside = false
    for network in string.gmatch(networks, '[^;]+') do
      inside = inside or string.find(ARGV.address, '^' .. network)
    end
    if not inside then
      outcome = ADDRESS_REFUSED
      break
    end
  end
  local scope = ARGV.scope + 0
  if scope > 0 and math.floor(scopes / scope) % 2 == 0 then
    outcome = SCOPE_MISSING
    break
  end
  -- The same command again, as its reply was lost: it is charged once (I1). A command that arrives
  -- after its worker gave it up, or sent a later one, is too late.
  --
  -- A worker counts on from the time of its start, in microseconds. A mark that is further ahead
  -- than a request lasts, both of this clock and of the command, is of another worker in the same
  -- slot, which started while its host's clock was ahead: no worker sends so many commands while
  -- one of them is in progress. It refuses nothing. refund.lua replaces such a mark by the same
  -- rule, so that a command that this worker gave up stays too late (I1). A command of a worker
  -- that was killed before that other one started could still be charged here: one charge too many
  -- for a kill, which I1 allows, and only if it waited in Redis's socket since.
  if v[20] then
    local wseq, charged = string.match(v[20], MARK)
    if wseq == ARGV.wseq and charged ~= REFUNDED then
      outcome, charged_total = ALLOWED, charged
      break
    end
    local ahead, life_us = wseq - ARGV.wseq, (REQUEST_MAX_MS + LIFE_SLACK_MS) * 1000
    if ahead >= 0 and not (ahead > life_us and wseq + 0 > now + life_us) then
      outcome = UNAVAILABLE
      break
    end
  end
  if not counted and tat + gap - now > burst * gap then
    outcome, retry_ms = RATE_LIMITED, math.ceil((tat + gap - now - burst * gap) / 1000)
    break
  end
  if key_rate ~= '0' then
    local key_tat_field = M.key_burst_state .. digest
    key_rate, key_burst = key_rate + 0, key_burst + 0
    key_gap = math.floor(1000000 / key_rate)
    key_tat = (redis.call('HGET', KEYS.m, key_tat_field) or 0) + 0
    if key_tat < now or key_tat > now + key_burst * key_gap then -- the clock went back, as above
      key_tat = now
    end
    if not counted then
      if key_tat + key_gap - now > key_burst * key_gap then
        outcome, retry_ms = RATE_LIMITED, math.ceil((key_tat + key_gap - now - key_burst * key_gap) / 1000)
        break
      end
      key_tat = key_tat + key_gap
      redis.call('HSET', KEYS.m, key_tat_field, string.format('%d', key_tat))
    end
  end
  -- The last use of the key, to within five minutes, for PostgreSQL; and each use of a key that has
  -- to move to another pepper.
  local unnoted_s = math.floor(now_ms / 1000) - used_s
  if unnoted_s >= 300 or unnoted_s < 0 or digest ~= ARGV.key then
    redis.call('HSET', KEYS.m, M.key .. digest, KEY {
      scopes = scopes, from_ms = from_ms, until_ms = until_ms, used_s = now_ms / 1000,
      key_rate = key_rate, key_burst = key_burst, networks = networks })
    local use = string.format('%d', now_ms)
    redis.call('HSET', KEYS.used, digest, digest == ARGV.key and use or use .. ' ' .. ARGV.move)
  end
  if points_max > 0 and ARGV.points + 0 > points_max then
    outcome = TOO_MANY_POINTS
    break
  end
  local replay, first_answer = false, ''
  if ARGV.body_hash ~= '' then
    local seen = redis.call('GET', KEYS.idempotency)
    if seen then
      local state, owner, hash, answered = string.match(seen, RECORD_WHOLE)
      if hash ~= ARGV.body_hash then
        outcome = IDEMPOTENCY_MISMATCH
        break
      end
      if state == RECORD_DONE then
        replay, first_answer = true, answered
      elseif state == RECORD_UNFINISHED then
        replay, replay_units = true, answered
      elseif owner ~= OWNER { worker = ARGV.worker, wseq = ARGV.wseq } then
        outcome, retry_ms = IDEMPOTENCY_BUSY, 1000
        break
      end
    end
  end

  local cost = ARGV.cost + 0
  local computes = cost > 0 and first_answer == '' -- a replay computes if its answer was not kept
  if replay then
    cost = 0
  end
  if left < cost then
    outcome = QUOTA_EXHAUSTED
    break
  end
  local burst_us = COMPUTE_BURST_S * 1000000
  if debt_us > burst_us and (computes or check) then
    outcome, retry_ms = COMPUTE_LIMITED, math.ceil((debt_us - burst_us) / 1000)
    break
  end
  local conc = v[15] + 0
  if conc > 0 and (computes or check) then
    local running = redis.call('HGETALL', KEYS.concurrent)
    local others = 0
    -- Of a request; one that ends later began while this clock was ahead.
    local life_max_ms = REQUEST_MAX_MS + LIFE_SLACK_MS
    for i = 1, #running, 2 do
      local ends = running[i + 1] + 0
      if ends <= now_ms or ends > now_ms + life_max_ms then
        redis.call('HDEL', KEYS.concurrent, running[i])
      elseif running[i] ~= ARGV.worker then
        others = others + 1
      end
    end
    if others >= conc then
      outcome, retry_ms = CONCURRENCY_LIMITED, 1000
      break
    end
    if computes then
      redis.call('HSET', KEYS.concurrent, ARGV.worker, now_ms + ARGV.life_ms)
      redis.call('PEXPIRE', KEYS.concurrent, ARGV.life_ms)
    end
  end
  if not counted then
    tat = tat + gap
  end
  if ARGV.body_hash ~= '' and not replay then
    redis.call('SET', KEYS.idempotency, RECORD {
      state = RECORD_PENDING, owner = OWNER { worker = ARGV.worker, wseq = ARGV.wseq }, hash = ARGV.body_hash },
      'PX', ARGV.life_ms)
  end
  -- Whole numbers as text: Redis would print a number of Lua as a double, which takes as long as
  -- reading the account.
  local tat_text = string.format('%d', tat)
  if cost == 0 then
    redis.call('HSET', KEYS.m, M.burst_state, tat_text)
    outcome, charged_total, kept = replay and REPLAY or ALLOWED, replay_units, first_answer
    break
  end
  c = c + cost
  left = left - cost
  local c_text = string.format('%d', c)
  local mark
  if S then
    -- pending until then: reap.lua
    mark = MARK { wseq = ARGV.wseq, charged = c_text, pn = v[9], cost = ARGV.cost,
      ends = now_ms + ARGV.life_ms }
  else
    mark = MARK { wseq = ARGV.wseq, charged = c_text, pn = v[9], cost = ARGV.cost }
  end
  if dirty then
    redis.call('HSET', KEYS.m, M.charged, c_text, M.burst_state, tat_text, ARGV.worker, mark)
  else
    redis.call('HSET', KEYS.m, M.charged, c_text, M.burst_state, tat_text,
      ARGV.worker, mark, M.dirty, '1')
    redis.call('SADD', KEYS.dirty, KEYS.quota)
  end
  redis.call('DECRBY', KEYS.quota, ARGV.cost)
  redis.call('INCRBY', KEYS.delta, ARGV.cost)
  outcome, charged_total = ALLOWED, c
until true

-- Known only after the body was decoded: such a refusal counts against the rate.
if not counted and (outcome == TOO_MANY_POINTS or outcome == IDEMPOTENCY_MISMATCH) then
  tat = tat + gap
  redis.call('HSET', KEYS.m, M.burst_state, string.format('%d', tat))
end
if key_gap and key_burst - (key_tat - now) / key_gap < burst - (tat - now) / gap then
  rate, burst, gap, tat = key_rate, key_burst, key_gap, key_tat -- the closer of the two limits
end
return reply {
  outcome = outcome,
  epoch = v[2],
  charged_total = charged_total,
  period_no = v[9],
  quota_limit = v[5],
  quota_left = left,
  period_end_ms = v[10],
  now_ms = now_ms,
  rate_per_s = rate,
  rate_burst = burst,
  burst_left = math.floor((burst * gap - (tat - now)) / gap),
  burst_reset_us = tat - now,
  retry_ms = retry_ms,
  points_max = v[14],
  period_kind = v[18],
  concurrent_max = v[15],
  key_scopes = scopes,
  key_earlier = digest == ARGV.key and 0 or 1,
  compute_ms_per_s = v[21] or 0,
  compute_debt_us = debt_us,
} .. kept
