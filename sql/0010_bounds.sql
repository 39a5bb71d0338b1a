SET LOCAL ROLE luna_owner;

-- What a role's functions accept is bounded by what PostgreSQL knows itself: its clock, the limits
-- and bookings in the log, the keys. An attacker who has only the password of luna_worker or
-- luna_syncd cannot move a period by years, book or refund what cannot have been charged, make a
-- key out of nothing, or write an actor of their own choice into the log. LU004: out of these
-- bounds.

CREATE FUNCTION luna_actor_check(p_actor text, p_form text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (p_actor ~ p_form) IS NOT TRUE THEN
        RAISE EXCEPTION 'the actor has not the form %', p_form USING ERRCODE = 'LU004';
    END IF;
END
$$;

CREATE FUNCTION luna_syncd_check(p_actor text) RETURNS void LANGUAGE sql AS $$
    SELECT luna_actor_check(p_actor, '^quota-syncd [^[:space:]:]{0,63}:[0-9]{1,10}$')
$$;

-- How far Redis's clock may be ahead of this one before it is not followed.
CREATE FUNCTION luna_clock_slack() RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT interval '10 minutes'
$$;

-- Up to `p_units` of a recovery, as far as they can be true. More: what the highest limit that the
-- account ever had allows, in each of the `p_periods` periods (I2). Less: only what was booked in
-- the last quarter of an hour of bookings, as a request that was charged and not answered cannot
-- be older.
CREATE FUNCTION luna_recovery_bound(a accounts, p_periods bigint, p_units numeric) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    highest bigint;
    recent bigint;
BEGIN
    IF p_units > 0 AND a.quota_used + p_units > a.quota_limit THEN
        SELECT max(greatest(e.limit_before, e.limit_after)) INTO highest FROM quota_events e WHERE e.account_id = a.id;
        RETURN least(p_units, greatest(COALESCE(highest, 0) * greatest(least(p_periods, 3), 1) - a.quota_used, 0));
    ELSIF p_units < 0 THEN
        WITH booked AS (
            SELECT e.at, e.delta FROM quota_events e
             WHERE e.account_id = a.id AND e.seq > a.chain_seq - 10000 AND e.epoch = a.quota_epoch
               AND e.period_no = a.period_no AND e.kind = 'book'
        )
        SELECT COALESCE(sum(b.delta) FILTER (WHERE b.delta > 0), 0) INTO recent FROM booked b
         WHERE b.at > (SELECT max(at) FROM booked) - interval '15 minutes';
        RETURN greatest(p_units, -recent);
    END IF;
    RETURN p_units;
END
$$;

-- As before, but no period is opened that has not begun by this clock (what the journals have of
-- later ones is booked into the last that has), and what is booked is bounded.
CREATE OR REPLACE FUNCTION luna_epoch_recover(p_id int, p_periods bigint[], p_sums bigint[], p_actor text, p_reason text,
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

-- As before; a worker's name, sums and time are checked. Redis's clock is followed no further than
-- this one allows.
CREATE OR REPLACE FUNCTION luna_epoch_next(p_id int, p_seen bigint, p_incarnation bigint, p_now_ms bigint, p_periods bigint[],
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

-- As before, but a bounded number: with each name recoveries refund less, and the table grows.
CREATE OR REPLACE FUNCTION luna_host_seen(p_name text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
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

-- Keys through the API. The worker names the key that asks, by its digest; what that key may do is
-- looked up here.

CREATE FUNCTION luna_maker_check(p_id int, p_maker uuid, p_scopes int, p_actor text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held int;
BEGIN
    PERFORM luna_actor_check(p_actor, '^api:[A-Za-z0-9._-]{1,64}$');
    SELECT k.scopes INTO held FROM api_keys k JOIN accounts a ON a.id = k.account_id
     WHERE k.account_id = p_id AND k.digest = p_maker AND a.disabled_at IS NULL AND k.revoked_at IS NULL
       AND (k.expires_at IS NULL OR k.expires_at > now());
    IF NOT FOUND OR held & 4 = 0 OR p_scopes & ~held <> 0 THEN
        RAISE EXCEPTION 'account %: the key that asks may not do this', p_id USING ERRCODE = 'LU004';
    END IF;
END
$$;

CREATE FUNCTION luna_key_text_check(p_digest uuid, p_prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (p_digest::text ~ '^.{14}8' AND p_prefix ~ '^[0-9a-f]{8}$') IS NOT TRUE THEN
        RAISE EXCEPTION 'this is not the digest and the prefix of a key' USING ERRCODE = 'LU004';
    END IF;
END
$$;

CREATE FUNCTION luna_key_add_by(p_id int, p_digest uuid, p_prefix text, p_scopes int, p_not_before_ms bigint,
                                p_expires_ms bigint, p_actor text, p_maker uuid)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_maker_check(p_id, p_maker, p_scopes, p_actor);
    PERFORM luna_key_text_check(p_digest, p_prefix);
    RETURN luna_key_add(p_id, p_digest, p_prefix, p_scopes, p_not_before_ms, p_expires_ms, p_actor);
END
$$;

CREATE FUNCTION luna_key_replace_by(p_id int, p_key bigint, p_digest uuid, p_prefix text, p_overlap_s bigint, p_actor text,
                                    p_maker uuid)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_maker_check(p_id, p_maker, COALESCE((SELECT scopes FROM api_keys WHERE id = p_key AND account_id = p_id), 0),
                             p_actor);
    PERFORM luna_key_text_check(p_digest, p_prefix);
    IF (p_overlap_s BETWEEN 0 AND 604800) IS NOT TRUE THEN
        RAISE EXCEPTION 'an overlap of % s is not in 0 … 604800', p_overlap_s USING ERRCODE = 'LU004';
    END IF;
    RETURN luna_key_replace(p_id, p_key, p_digest, p_prefix, p_overlap_s, p_actor);
END
$$;

CREATE FUNCTION luna_key_revoke_by(p_id int, p_key bigint, p_actor text, p_reason text, p_maker uuid)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_maker_check(p_id, p_maker, 0, p_actor);
    PERFORM luna_key_revoke(p_id, p_key, p_actor, left(p_reason, 200));
END
$$;

REVOKE EXECUTE ON FUNCTION luna_key_add, luna_key_replace, luna_key_revoke FROM luna_worker;
GRANT EXECUTE ON FUNCTION luna_key_add_by, luna_key_replace_by, luna_key_revoke_by TO luna_worker;

-- The work of quota-syncd.

CREATE OR REPLACE FUNCTION luna_term_take(p_name text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT luna_syncd_check(p_name);
    UPDATE syncd_leader SET term = term + 1, name = p_name, since = now() RETURNING term
$$;

-- As before. A refund that exceeds the charges is out of range, as is a counter of 2^53 or more,
-- which Redis cannot count.
CREATE OR REPLACE FUNCTION luna_book(p_term bigint, p_actor text, p_accounts int[], p_epochs bigint[], p_cs bigint[],
                                     p_rs bigint[])
    RETURNS TABLE (account_id int, status int, booked_c bigint, booked_r bigint, delta bigint, period_no bigint,
                   next_end_ms bigint)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
    -- A batch touches only its own accounts, and is larger than a generic plan would assume.
    SET enable_seqscan = off SET plan_cache_mode = force_custom_plan
    AS $$
#variable_conflict use_column
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    RETURN QUERY
    WITH input AS MATERIALIZED (
        SELECT * FROM unnest(p_accounts, p_epochs, p_cs, p_rs) AS i(account_id, epoch, c, r)
    ), seen AS MATERIALIZED (
        SELECT a.id, a.plan, a.quota_limit, a.quota_used, a.quota_epoch, a.epoch_open, a.sync_c, a.sync_r, a.period_no,
               a.period_end, a.chain_seq, a.chain_hash, i.epoch,
               greatest(least(i.c, 1::bigint << 53), a.sync_c) AS c, greatest(least(i.r, 1::bigint << 53), a.sync_r) AS r
          FROM input i JOIN accounts a ON a.id = i.account_id
    ), event AS MATERIALIZED (
        SELECT f.*, luna_event_hash(f.chain_hash, f.id, f.chain_seq + 1, f.happened, 'book', p_actor, f.quota_epoch, f.period_no,
                                    f.sync_c, f.c, f.sync_r, f.r, f.units, f.quota_used, (f.quota_used + f.units)::int,
                                    f.quota_limit, f.quota_limit, '', p_term) AS digest
          FROM (SELECT h.*, (h.c - h.sync_c) - (h.r - h.sync_r) AS units, clock_timestamp() AS happened
                  FROM seen h
                 WHERE h.quota_epoch = h.epoch AND h.epoch_open AND (h.c > h.sync_c OR h.r > h.sync_r) AND h.r <= h.c
                   AND h.quota_used + ((h.c - h.sync_c) - (h.r - h.sync_r)) BETWEEN -2147483648 AND 2147483647) f
         ORDER BY f.id
    ), moved AS (
        -- Every other change of a quota moves chain_seq, and a closed epoch has epoch_open cleared:
        -- after such a change this account is left for the next pass (I4, I6).
        UPDATE accounts a
           SET quota_used = (e.quota_used + e.units)::int, sync_c = e.c, sync_r = e.r, chain_seq = e.chain_seq + 1,
               chain_hash = e.digest, updated_at = e.happened
          FROM event e
         WHERE a.id = e.id AND a.chain_seq = e.chain_seq AND a.quota_epoch = e.quota_epoch AND a.epoch_open
        RETURNING e.*
    ), logged AS (
        INSERT INTO quota_events
        SELECT e.id, e.chain_seq + 1, e.happened, 'book', p_actor, e.quota_epoch, e.period_no, e.sync_c, e.c, e.sync_r, e.r,
               e.units, e.quota_used, (e.quota_used + e.units)::int, e.quota_limit, e.quota_limit, '', p_term, e.digest
          FROM moved e
    ), counted AS (
        INSERT INTO quota_daily
        SELECT e.id, (e.happened AT TIME ZONE 'UTC')::date, e.units FROM moved e WHERE e.units <> 0
        ON CONFLICT (account_id, day) DO UPDATE SET units = quota_daily.units + excluded.units
    )
    SELECT i.account_id,
           -- status: the build compares each number and the word behind it with book_status.def.
           CASE WHEN h.id IS NULL THEN 3 -- ACCOUNT_UNKNOWN
                WHEN h.quota_epoch <> h.epoch OR NOT h.epoch_open THEN 2 -- EPOCH_CLOSED
                WHEN m.id IS NOT NULL THEN 0 -- BOOKED
                WHEN h.c = h.sync_c AND h.r = h.sync_r THEN 1 -- NOTHING_NEW
                WHEN h.r <= h.c AND h.quota_used + ((h.c - h.sync_c) - (h.r - h.sync_r)) BETWEEN -2147483648 AND 2147483647
                    THEN 5 -- CHANGED_MEANWHILE
                ELSE 4 -- OUT_OF_RANGE
                END,
           COALESCE(m.c, h.sync_c, 0), COALESCE(m.r, h.sync_r, 0), COALESCE(m.units, 0), COALESCE(h.period_no, 0),
           CASE WHEN h.period_end IS NULL THEN 0
                ELSE luna_ms(luna_period_end(p.quota_period, h.period_end)) END
      FROM input i
      LEFT JOIN seen h ON h.id = i.account_id
      LEFT JOIN moved m ON m.id = i.account_id
      LEFT JOIN plans p ON p.name = h.plan;
END
$$;

-- As before. An end that this clock contradicts is left out: one that is still to come, or whose
-- next period is longer than two months (so long is the first after a change from days to months).
-- It stays in Redis, and is booked when the clock has come so far.
CREATE OR REPLACE FUNCTION luna_book_periods(p_term bigint, p_actor text, p_accounts int[], p_epochs bigint[], p_nos bigint[],
                                  p_cs bigint[], p_rs bigint[], p_starts_ms bigint[], p_ends_ms bigint[])
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts;
    entry record;
    units bigint;
    closed bigint := 0;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    FOR entry IN SELECT * FROM unnest(p_accounts, p_epochs, p_nos, p_cs, p_rs, p_starts_ms, p_ends_ms)
                            AS i(id, epoch, no, c, r, start_ms, end_ms) ORDER BY id, no LOOP
        SELECT * INTO a FROM accounts WHERE id = entry.id FOR UPDATE;
        CONTINUE WHEN NOT FOUND OR a.quota_epoch <> entry.epoch OR NOT a.epoch_open OR a.period_no <> entry.no;
        CONTINUE WHEN (luna_time(entry.start_ms) <= now() + luna_clock_slack()
                       AND luna_time(entry.end_ms) > luna_time(entry.start_ms)
                       AND luna_time(entry.end_ms) <= now() + interval '2 months 1 hour'
                       AND entry.r <= entry.c AND entry.c <= 1::bigint << 53) IS NOT TRUE;
        units := (greatest(entry.c, a.sync_c) - a.sync_c) - (greatest(entry.r, a.sync_r) - a.sync_r);
        IF entry.c > a.sync_c OR entry.r > a.sync_r THEN
            PERFORM luna_event_append(a.id, 'book', p_actor, greatest(entry.c, a.sync_c), greatest(entry.r, a.sync_r), units,
                                      a.quota_used + units, a.quota_limit, '', p_term);
        END IF;
        PERFORM luna_period_roll(a.id, luna_time(entry.start_ms), luna_time(entry.end_ms), p_actor, p_term);
        closed := closed + 1;
    END LOOP;
    RETURN closed;
END
$$;

-- As before. A number far above this database's can only be a forged one.
CREATE OR REPLACE FUNCTION luna_incarnation_next(p_term bigint, p_run_id text, p_floor bigint) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    fresh bigint;
BEGIN
    PERFORM luna_term_check(p_term);
    IF (length(p_run_id) <= 64 AND p_floor <= (SELECT incarnation FROM redis_incarnation) + 1000000) IS NOT TRUE THEN
        RAISE EXCEPTION 'Redis says incarnation %, which this database is far from', p_floor
            USING ERRCODE = 'LU004', HINT = 'delete the key quota:fence in Redis';
    END IF;
    UPDATE redis_incarnation SET incarnation = greatest(incarnation, p_floor) + 1, run_id = p_run_id, since = now()
    RETURNING incarnation INTO fresh;
    RETURN fresh;
END
$$;

-- As before, with the actor checked.
CREATE OR REPLACE FUNCTION luna_epochs_close(p_term bigint, p_incarnation bigint, p_actor text, p_accounts int[], p_epochs bigint[],
                                  p_periods bigint[], p_sums bigint[])
    RETURNS TABLE (accounts_closed bigint, units bigint) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    entry record;
    truth bigint;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    SELECT incarnation INTO STRICT truth FROM redis_incarnation FOR UPDATE;
    IF truth <> p_incarnation THEN
        RAISE EXCEPTION 'incarnation % is fenced by %', p_incarnation, truth USING ERRCODE = 'LU003';
    END IF;
    CREATE TEMP TABLE journaled ON COMMIT DROP AS
        SELECT j.account_id, j.epoch, array_agg(j.period ORDER BY j.period) AS periods, array_agg(j.total ORDER BY j.period) AS sums,
               sum(j.total) AS total, max(j.period) AS last_no
          FROM unnest(p_accounts, p_epochs, p_periods, p_sums) AS j(account_id, epoch, period, total)
         GROUP BY 1, 2;
    CREATE INDEX ON journaled (account_id);
    ANALYZE journaled;
    accounts_closed := 0;
    units := 0;
    FOR entry IN SELECT a.id, j.periods, j.sums
                   FROM accounts a LEFT JOIN journaled j ON j.account_id = a.id AND j.epoch = a.quota_epoch
                  WHERE a.epoch_open AND ((a.sync_c - a.period_c) - (a.sync_r - a.period_r) <> COALESCE(j.total, 0)
                                          OR COALESCE(j.last_no, 0) > a.period_no)
                  ORDER BY a.id LOOP
        accounts_closed := accounts_closed + 1;
        units := units + luna_epoch_recover(entry.id, COALESCE(entry.periods, '{}'), COALESCE(entry.sums, '{}'), p_actor,
                                            'Redis lost its memory; booked from the journals', p_term);
    END LOOP;
    -- For all others the log agrees with the journals.
    UPDATE accounts SET epoch_open = false WHERE epoch_open;
    RETURN NEXT;
END
$$;

CREATE OR REPLACE FUNCTION luna_periods_close_cold(p_term bigint, p_actor text, p_max int) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    due int;
    closed bigint := 0;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    FOR due IN SELECT id FROM accounts WHERE NOT epoch_open AND period_end <= now() ORDER BY id LIMIT p_max LOOP
        PERFORM 1 FROM accounts WHERE id = due AND NOT epoch_open FOR UPDATE;
        CONTINUE WHEN NOT FOUND;
        closed := closed + luna_period_roll_to(due, now(), p_actor, p_term);
    END LOOP;
    RETURN closed;
END
$$;

CREATE OR REPLACE FUNCTION luna_keys_expire(p_term bigint, p_actor text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    k api_keys;
    n bigint := 0;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    FOR k IN UPDATE api_keys SET expiry_logged = true WHERE NOT expiry_logged AND expires_at <= now() RETURNING * LOOP
        CONTINUE WHEN k.revoked_at IS NOT NULL;
        PERFORM luna_event_append(a.id, 'key_expire', p_actor, a.sync_c, a.sync_r, 0, a.quota_used, a.quota_limit,
                                  format('key %s (%s…)', k.id, k.prefix), p_term)
           FROM luna_account_row(k.account_id) a;
        PERFORM luna_config_changed(k.account_id);
        n := n + 1;
    END LOOP;
    RETURN n;
END
$$;

CREATE OR REPLACE FUNCTION luna_plan_continue(p_term bigint, p_max int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    unfinished text;
BEGIN
    PERFORM luna_term_check(p_term);
    SELECT plan INTO unfinished FROM plan_changes WHERE stepped_at < clock_timestamp() - interval '10 seconds'
     ORDER BY stepped_at LIMIT 1;
    RETURN unfinished IS NOT NULL AND luna_plan_advance(unfinished, least(p_max, 1000));
END
$$;

ALTER FUNCTION luna_events_partitions(int) RENAME TO luna_events_partitions_make;
REVOKE EXECUTE ON FUNCTION luna_events_partitions_make FROM luna_syncd;
CREATE FUNCTION luna_events_partitions(months int) RETURNS int LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT luna_events_partitions_make(least(months, 24))
$$;
GRANT EXECUTE ON FUNCTION luna_events_partitions TO luna_syncd;
