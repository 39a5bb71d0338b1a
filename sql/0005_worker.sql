SET LOCAL ROLE luna_owner;

-- What a worker needs for a cold load and for the API. It cannot change a limit, or write an event
-- that did not happen.

CREATE FUNCTION luna_epoch_seen(p_id int) RETURNS TABLE (epoch bigint, is_open boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT quota_epoch, epoch_open FROM accounts WHERE id = p_id
$$;

-- Opens the epoch after `p_seen`. A compare-and-set: a caller that read an older epoch, or knows an
-- older incarnation, fails, so that epochs only grow (I4). If the epoch `p_seen` is still open, its
-- journaled charges are booked first (I1). `p_now_ms` is Redis's clock, the only one for periods
-- (I9).
-- A worker's name, sums and time are checked. Redis's clock is followed no further than this one
-- allows.
CREATE FUNCTION luna_epoch_next(p_id int, p_seen bigint, p_incarnation bigint, p_now_ms bigint, p_periods bigint[],
                                           p_sums bigint[], p_actor text)
    RETURNS TABLE (epoch bigint, quota_used int, config account_config) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts;
    truth bigint;
BEGIN
    PERFORM luna_actor_check(p_actor, '^worker w[0-9a-f]{8}\.[0-9]{1,6}(, request [A-Za-z0-9._-]{1,64})?$');
    IF p_now_ms IS NULL OR p_now_ms <= 0 OR cardinality(p_periods) <> cardinality(p_sums) OR
       EXISTS (SELECT FROM unnest(p_periods, p_sums) AS j(period, units)
                WHERE (j.period >= 0 AND j.units BETWEEN 0 AND 2147483647) IS NOT TRUE) THEN
        RAISE EXCEPTION 'account %: no journals say this', p_id USING ERRCODE = 'LU004';
    END IF;
    -- Shared with other loads, but not with a fence: that locks this row for update before it
    -- closes epochs.
    SELECT incarnation INTO STRICT truth FROM redis_incarnation FOR SHARE;
    IF truth <> p_incarnation THEN
        RAISE EXCEPTION 'incarnation % is fenced by %', p_incarnation, truth USING ERRCODE = 'LU003';
    END IF;
    SELECT * INTO a FROM accounts WHERE id = p_id FOR UPDATE;
    IF NOT FOUND OR a.quota_epoch <> p_seen THEN
        RAISE EXCEPTION 'account %: epoch % is not the current one', p_id, p_seen USING ERRCODE = 'LU002';
    END IF;
    IF a.epoch_open THEN
        PERFORM luna_epoch_recover(p_id, p_periods, p_sums, p_actor, 'counters lost; booked from the journals', 0);
    END IF;
    PERFORM luna_period_roll_to(p_id, least(luna_time(p_now_ms), now() + luna_clock_slack()), p_actor, 0);
    UPDATE accounts SET quota_epoch = quota_epoch + 1, epoch_open = true, epoch_base = accounts.quota_used,
                        sync_c = 0, sync_r = 0, period_c = 0, period_r = 0
     WHERE id = p_id;
    RETURN QUERY SELECT p_seen + 1, b.quota_used, c FROM accounts b JOIN account_config c ON c.account_id = b.id
                  WHERE b.id = p_id;
END
$$;

-- Registers the journal directory of a pool or of a quota-syncd.
-- The number of names is bounded: with each one recoveries refund less, and the table grows.
CREATE FUNCTION luna_host_seen(p_name text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE journal_hosts SET seen_at = now() WHERE name = p_name;
    IF FOUND THEN
        RETURN;
    END IF;
    IF (SELECT count(*) FROM journal_hosts) >= 1000 THEN
        RAISE EXCEPTION 'there are 1000 journal directories'
            USING ERRCODE = 'LU006', HINT = 'delete from journal_hosts those that are no longer used';
    END IF;
    INSERT INTO journal_hosts (name) VALUES (p_name) ON CONFLICT (name) DO UPDATE SET seen_at = now();
END
$$;

GRANT EXECUTE ON FUNCTION luna_epoch_seen, luna_epoch_next, luna_host_seen TO luna_worker;
GRANT SELECT (id, account_name, api_key, quota_limit, quota_used, created_at, updated_at, plan, config_version, disabled_at, quota_epoch,
              epoch_open, sync_c, sync_r, period_no, period_start, period_end) ON accounts TO luna_worker;
GRANT SELECT (id, account_id, digest, prefix, scopes, not_before, expires_at, revoked_at, created_at) ON api_keys TO luna_worker;
GRANT SELECT ON plans, quota_daily, quota_events, account_config TO luna_worker;
GRANT EXECUTE ON FUNCTION luna_ms, luna_time, luna_period_end TO luna_worker, luna_syncd, luna_admin;
GRANT SELECT ON redis_incarnation TO luna_worker, luna_syncd, luna_admin;
