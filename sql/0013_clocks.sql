SET LOCAL ROLE luna_owner;

-- Corrects periods that began in the future: Redis's clock or this one was ahead when they began.
-- Only the dates change: the period keeps its number and what was used in it. Redis receives the
-- new end as it receives every change of an account.
CREATE FUNCTION luna_periods_correct(p_term bigint, p_actor text, p_max int) RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a record;
    corrected bigint := 0;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    FOR a IN SELECT c.id, c.sync_c, c.sync_r, c.quota_used, c.quota_limit, c.period_start, p.quota_period
               FROM accounts c JOIN plans p ON p.name = c.plan
              WHERE c.period_start > now() + luna_clock_slack() AND c.period_end IS NOT NULL AND p.quota_period <> 'none'
              ORDER BY c.id LIMIT p_max FOR UPDATE OF c LOOP
        PERFORM luna_event_append(a.id, 'period_correct', p_actor, a.sync_c, a.sync_r, 0, a.quota_used, a.quota_limit,
                                  format('began in the future, at %s', to_char(a.period_start AT TIME ZONE 'UTC',
                                                                               'YYYY-MM-DD"T"HH24:MI:SS"Z"')), p_term);
        UPDATE accounts SET period_start = date_trunc(a.quota_period, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
                            period_end = luna_period_end(a.quota_period, now())
         WHERE id = a.id;
        PERFORM luna_config_changed(a.id);
        corrected := corrected + 1;
    END LOOP;
    RETURN corrected;
END
$$;

CREATE INDEX accounts_period_start ON accounts (period_start);

GRANT EXECUTE ON FUNCTION luna_periods_correct TO luna_syncd;
