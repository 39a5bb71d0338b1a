SET LOCAL ROLE luna_owner;

-- Journal directories. Every pool of workers and every quota-syncd says once which directory it uses. A recovery reads one of
-- them: the whole truth when there is one, a part of it when there are more.
CREATE TABLE journal_hosts (
    name       text PRIMARY KEY CHECK (name ~ '^w[0-9a-f]{8}$'),
    first_seen timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION luna_host_seen(p_name text) RETURNS void LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO journal_hosts (name) VALUES (p_name) ON CONFLICT (name) DO UPDATE SET seen_at = now()
$$;

-- As before, but for one thing: what was booked and is not in the journals that were read is given back only when there are no
-- other journals. What a host of several answered since the last booking, and nobody else's journal holds, stays unbooked.
CREATE OR REPLACE FUNCTION luna_epoch_recover(p_id int, p_periods bigint[], p_sums bigint[], p_actor text, p_reason text, p_term bigint)
    RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    a accounts;
    journaled bigint;
    missing bigint;
    total bigint := 0;
    next_no bigint;
    last_no bigint;
    kind text;
    whole boolean := (SELECT count(*) <= 1 FROM journal_hosts);
BEGIN
    SELECT * INTO STRICT a FROM accounts WHERE id = p_id FOR UPDATE;
    SELECT quota_period INTO kind FROM plans WHERE name = a.plan;
    SELECT COALESCE(max(period), 0) INTO last_no FROM unnest(p_periods) AS j(period);
    next_no := a.period_no;
    LOOP
        SELECT COALESCE(sum(j.units), 0) INTO journaled
          FROM unnest(p_periods, p_sums) AS j(period, units)
         WHERE j.period = next_no OR (a.period_end IS NULL AND j.period > next_no);
        missing := journaled - ((a.sync_c - a.period_c) - (a.sync_r - a.period_r));
        IF missing > 0 OR (missing < 0 AND whole) THEN
            PERFORM luna_event_append(p_id, 'recovery', p_actor, a.sync_c, a.sync_r, missing, a.quota_used + missing,
                                      a.quota_limit, p_reason, p_term);
            UPDATE accounts SET epoch_base = epoch_base + missing WHERE id = p_id;
            total := total + missing;
        END IF;
        EXIT WHEN next_no >= last_no OR a.period_end IS NULL;
        PERFORM luna_period_roll(p_id, a.period_end, luna_period_end(kind, a.period_end), p_actor, p_term);
        next_no := next_no + 1;
        SELECT * INTO STRICT a FROM accounts WHERE id = p_id;
    END LOOP;
    UPDATE accounts SET epoch_open = false WHERE id = p_id;
    RETURN total;
END
$$;

GRANT EXECUTE ON FUNCTION luna_host_seen TO luna_worker, luna_syncd;
GRANT SELECT ON journal_hosts TO luna_syncd, luna_admin;
