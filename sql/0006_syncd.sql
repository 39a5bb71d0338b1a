SET LOCAL ROLE luna_owner;

-- The work of quota-syncd. Every function that writes holds a shared lock on the leader row and
-- refuses an outdated term: no event is committed under a term lower than an earlier one's
-- (I10).

CREATE FUNCTION luna_term_check(p_term bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    present bigint;
BEGIN
    SELECT term INTO STRICT present FROM syncd_leader FOR SHARE;
    IF p_term <> present THEN
        RAISE EXCEPTION 'term % was replaced by term %', p_term, present USING ERRCODE = 'LU001';
    END IF;
END
$$;

-- Takes the next term. The caller holds the advisory lock, which only keeps two daemons from doing
-- the same work; what every write is checked against is the term.
CREATE FUNCTION luna_term_take(p_name text) RETURNS bigint LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE syncd_leader SET term = term + 1, name = p_name, since = now() RETURNING term
$$;

-- Books what Redis counted, for many accounts at once. status is one of
-- libluna/store/booking/book_status.def; booked_c and booked_r are the watermark afterwards.
-- A refund that exceeds the charges is out of range, as is a counter of 2^53 or more, which Redis
-- cannot count.
CREATE FUNCTION luna_book(p_term bigint, p_actor text, p_accounts int[], p_epochs bigint[], p_cs bigint[],
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

-- Books the ends of periods that Redis closed: up to (c, r) into period `no`, then rolls (I9).
-- Repeating is harmless.
-- An end that this clock contradicts is left out: one that is still to come, or whose next period
-- is longer than two months (so long is the first after a change from days to months). It stays in
-- Redis, and is booked when the clock has come so far.
CREATE FUNCTION luna_book_periods(p_term bigint, p_actor text, p_accounts int[], p_epochs bigint[], p_nos bigint[],
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

-- A new incarnation, committed before anything in Redis is changed. Cold loads in progress hold the
-- row and end first. Higher than any that Redis has seen (`p_floor`), even if this database was
-- restored from a backup.
-- A number far above this database's can only be a forged one.
CREATE FUNCTION luna_incarnation_next(p_term bigint, p_run_id text, p_floor bigint) RETURNS bigint LANGUAGE plpgsql
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

-- Recovery of all accounts: closes every open epoch. The arrays are the journals' sums, one entry
-- per account, epoch and period.
CREATE FUNCTION luna_epochs_close(p_term bigint, p_incarnation bigint, p_actor text, p_accounts int[], p_epochs bigint[],
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

-- Closes the ended periods of cold accounts, so that reports are right before the next request.
CREATE FUNCTION luna_periods_close_cold(p_term bigint, p_actor text, p_max int) RETURNS bigint LANGUAGE plpgsql
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

CREATE FUNCTION luna_outbox_done(p_ids bigint[]) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM config_outbox WHERE id = ANY (p_ids)
$$;

GRANT EXECUTE ON FUNCTION luna_term_take, luna_book, luna_book_periods, luna_incarnation_next, luna_epochs_close,
    luna_periods_close_cold, luna_outbox_done, luna_events_partitions, luna_host_seen TO luna_syncd;
GRANT SELECT ON accounts, plans, quota_events, quota_daily, syncd_leader, config_outbox, account_config, journal_hosts TO luna_syncd;
