SET LOCAL ROLE luna_owner;

-- The building blocks of every change to a quota, for the functions of the next files only: no role
-- may call them.

-- Appends one event to an account's chain and updates the account row to it: both or neither (I4,
-- I6).
CREATE FUNCTION luna_event_append(p_id int, p_kind text, p_actor text, p_to_c bigint, p_to_r bigint, p_delta bigint,
                                  p_used_after bigint, p_limit_after bigint, p_reason text, p_term bigint)
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a accounts;
    happened timestamptz := clock_timestamp();
    digest bytea;
BEGIN
    SELECT * INTO STRICT a FROM accounts WHERE id = p_id FOR UPDATE;
    IF p_used_after NOT BETWEEN -2147483648 AND 2147483647 OR p_limit_after NOT BETWEEN 0 AND 2147483647 THEN
        RAISE EXCEPTION 'account %: used % and limit % do not both fit INTEGER', p_id, p_used_after, p_limit_after
            USING ERRCODE = 'LU004', HINT = 'quota_used and quota_limit go up to 2147483647';
    END IF;
    digest := luna_event_hash(a.chain_hash, p_id, a.chain_seq + 1, happened, p_kind, p_actor, a.quota_epoch, a.period_no,
                              a.sync_c, p_to_c, a.sync_r, p_to_r, p_delta, a.quota_used, p_used_after::int, a.quota_limit,
                              p_limit_after::int, p_reason, p_term);
    INSERT INTO quota_events VALUES (p_id, a.chain_seq + 1, happened, p_kind, p_actor, a.quota_epoch, a.period_no,
        a.sync_c, p_to_c, a.sync_r, p_to_r, p_delta, a.quota_used, p_used_after::int, a.quota_limit, p_limit_after::int,
        p_reason, p_term, digest);
    UPDATE accounts SET quota_used = p_used_after::int, quota_limit = p_limit_after::int, sync_c = p_to_c, sync_r = p_to_r,
                        chain_seq = chain_seq + 1, chain_hash = digest, updated_at = happened
     WHERE id = p_id;
    IF p_delta <> 0 THEN
        INSERT INTO quota_daily VALUES (p_id, (happened AT TIME ZONE 'UTC')::date, p_delta)
        ON CONFLICT (account_id, day) DO UPDATE SET units = quota_daily.units + excluded.units;
    END IF;
END
$$;

-- Closes the current period and opens the one that ends at `p_end`. What was used belongs to the
-- closed one (I9).
CREATE FUNCTION luna_period_roll(p_id int, p_start timestamptz, p_end timestamptz, p_actor text, p_term bigint)
    RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    a accounts;
BEGIN
    SELECT * INTO STRICT a FROM accounts WHERE id = p_id FOR UPDATE;
    PERFORM luna_event_append(p_id, 'period_close', p_actor, a.sync_c, a.sync_r, 0, 0, a.quota_limit,
                              format('%s used of %s since %s', a.quota_used, a.quota_limit,
                                     to_char(a.period_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')), p_term);
    UPDATE accounts SET epoch_base = 0, period_c = sync_c, period_r = sync_r, period_no = period_no + 1,
                        period_start = p_start, period_end = p_end
     WHERE id = p_id;
END
$$;

-- Rolls until the current period contains `p_now`. Periods without a request are skipped in one
-- step.
CREATE FUNCTION luna_period_roll_to(p_id int, p_now timestamptz, p_actor text, p_term bigint)
    RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    a accounts;
    kind text;
    start timestamptz;
BEGIN
    SELECT * INTO STRICT a FROM accounts WHERE id = p_id FOR UPDATE;
    IF a.period_end IS NULL OR a.period_end > p_now THEN
        RETURN 0;
    END IF;
    SELECT quota_period INTO kind FROM plans WHERE name = a.plan;
    start := date_trunc(CASE kind WHEN 'month' THEN 'month' ELSE 'day' END, p_now AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    PERFORM luna_period_roll(p_id, greatest(start, a.period_end), luna_period_end(kind, p_now), p_actor, p_term);
    RETURN 1;
END
$$;

-- Recovery: closes the account's open epoch, whose counters in Redis are lost or cannot be trusted.
-- The workers' journals have what was answered: `p_sums[i]` units in period `p_periods[i]`, the
-- whole epoch, in order (I1). What was booked and is not in the journals is refunded, but only when
-- this is the only journal directory (journal_hosts); with several, what another host answered
-- since the last booking stays unbooked. Returns the net units booked.
-- No period is opened that has not begun by this clock (what the journals have of later ones is
-- booked into the last that has), and what is booked is bounded.
CREATE FUNCTION luna_epoch_recover(p_id int, p_periods bigint[], p_sums bigint[], p_actor text, p_reason text,
                                              p_term bigint)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    a accounts;
    journaled numeric;
    missing numeric;
    bounded bigint;
    parts bigint;
    total bigint := 0;
    next_no bigint;
    last_no bigint;
    final boolean;
    kind text;
    whole boolean := (SELECT count(*) <= 1 FROM journal_hosts);
BEGIN
    SELECT * INTO STRICT a FROM accounts WHERE id = p_id FOR UPDATE;
    SELECT quota_period INTO kind FROM plans WHERE name = a.plan;
    SELECT COALESCE(max(period), 0) INTO last_no FROM unnest(p_periods) AS j(period);
    next_no := a.period_no;
    LOOP
        final := next_no >= last_no OR a.period_end IS NULL OR a.period_end > now() + luna_clock_slack();
        SELECT COALESCE(sum(greatest(j.units, 0)), 0), count(DISTINCT j.period) INTO journaled, parts
          FROM unnest(p_periods, p_sums) AS j(period, units)
         WHERE j.period = next_no OR (final AND j.period > next_no);
        missing := journaled - ((a.sync_c - a.period_c) - (a.sync_r - a.period_r));
        IF missing > 0 OR (missing < 0 AND whole) THEN
            bounded := luna_recovery_bound(a, parts, missing);
            PERFORM luna_event_append(p_id, 'recovery', p_actor, a.sync_c, a.sync_r, bounded, a.quota_used + bounded,
                                      a.quota_limit, p_reason || CASE WHEN bounded = missing THEN ''
                                      ELSE format('; the journals claim %s units', missing) END, p_term);
            UPDATE accounts SET epoch_base = epoch_base + bounded WHERE id = p_id;
            total := total + bounded;
        END IF;
        EXIT WHEN final;
        PERFORM luna_period_roll(p_id, a.period_end, luna_period_end(kind, a.period_end), p_actor, p_term);
        next_no := next_no + 1;
        SELECT * INTO STRICT a FROM accounts WHERE id = p_id;
    END LOOP;
    UPDATE accounts SET epoch_open = false WHERE id = p_id;
    RETURN total;
END
$$;

-- The configuration of an account in Redis. `keys`: "digest scopes not_before_ms expires_ms",
-- joined by commas.
CREATE VIEW account_config AS
SELECT a.id AS account_id, a.quota_limit, a.config_version, (a.disabled_at IS NOT NULL) AS disabled,
       p.rate_per_s, p.rate_burst, p.points_max, p.concurrent_max, p.quota_period, a.period_no,
       luna_ms(a.period_start) AS period_start_ms, luna_ms(a.period_end) AS period_end_ms,
       luna_ms(luna_period_end(p.quota_period, a.period_end)) AS next_end_ms,
       COALESCE((SELECT string_agg(k.digest || ' ' || k.scopes || ' ' || luna_ms(k.not_before) || ' ' || luna_ms(k.expires_at),
                                   ',' ORDER BY k.id)
                   FROM api_keys k
                  WHERE k.account_id = a.id AND k.revoked_at IS NULL
                    AND (k.expires_at IS NULL OR k.expires_at > now())), '') AS keys
  FROM accounts a JOIN plans p ON p.name = a.plan;
