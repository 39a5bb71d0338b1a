-- compatible-from: 0018

SET LOCAL ROLE luna_owner;

-- What a clock that was wrong for a while, or what nobody can read in Redis, must not change for
-- good.

-- The order in which events were written, of all accounts: `at` is not, when the clock was set
-- back. Not part of the chain. NULL: written before this column.
CREATE SEQUENCE quota_events_no;
ALTER TABLE quota_events ADD COLUMN no BIGINT;
ALTER TABLE quota_events ALTER COLUMN no SET DEFAULT nextval('quota_events_no');
CREATE INDEX quota_events_written ON quota_events (no);

-- As in 0002_accounts. A time after the year 9999 is its last day: an instant that PostgreSQL does
-- not know would end the whole batch of which it is a part.
CREATE OR REPLACE FUNCTION luna_time(ms bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN ms > 0 THEN to_timestamp(LEAST(ms, 253402214400000) / 1000)
                                 + (LEAST(ms, 253402214400000) % 1000) * interval '1 millisecond' END
$$;

-- As in 0011_keys, but no clock decides: of the keys that are not revoked, the 40 that end last,
-- whether they have ended or not. No more can be valid at once, and Redis compares each end with
-- its own clock. So a change that is pushed while PostgreSQL's clock is ahead removes no key.
CREATE OR REPLACE VIEW account_keys AS
SELECT k.account_id,
       string_agg(d.digest || ' ' || k.scopes || ' ' || luna_ms(k.not_before) || ' ' || luna_ms(d.until)
                  || CASE WHEN k.rate_per_s = 0 AND k.allowed = '{}' THEN ''
                          ELSE ' 0 ' || k.rate_per_s || ' ' || k.rate_burst || ' ' ||
                               COALESCE(NULLIF(array_to_string(k.allowed, ';'), ''), '-') END,
                  ',' ORDER BY k.id, d.digest) AS keys
  FROM (SELECT *, row_number() OVER (PARTITION BY account_id ORDER BY expires_at DESC NULLS FIRST, id DESC) AS place
          FROM api_keys WHERE revoked_at IS NULL) AS k
 CROSS JOIN LATERAL (VALUES (k.digest, k.expires_at),
                            (k.earlier_digest, LEAST(k.expires_at, k.moved_at + luna_earlier_digest_life())))
            AS d (digest, until)
 WHERE k.place <= 40 AND d.digest IS NOT NULL
 GROUP BY k.account_id;

-- As in 0007_operator, but only the event: Redis keeps the key, and refuses it by its clock. An
-- event that was written while both clocks were ahead is taken back by another one, and comes again
-- at the key's end.
CREATE INDEX api_keys_expired ON api_keys (expires_at) WHERE expiry_logged AND revoked_at IS NULL;
CREATE OR REPLACE FUNCTION luna_keys_expire(p_term bigint, p_actor text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    k api_keys;
    n bigint := 0;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    FOR k IN UPDATE api_keys SET expiry_logged = false
              WHERE expiry_logged AND revoked_at IS NULL AND expires_at > now() + luna_clock_slack() RETURNING * LOOP
        PERFORM luna_event_append(a.id, 'key_correct', p_actor, a.sync_c, a.sync_r, 0, a.quota_used, a.quota_limit,
                                  format('key %s (%s…) has not expired: a clock was ahead', k.id, k.prefix), p_term)
           FROM luna_account_row(k.account_id) a;
    END LOOP;
    FOR k IN UPDATE api_keys SET expiry_logged = true WHERE NOT expiry_logged AND expires_at <= now() RETURNING * LOOP
        CONTINUE WHEN k.revoked_at IS NOT NULL;
        PERFORM luna_event_append(a.id, 'key_expire', p_actor, a.sync_c, a.sync_r, 0, a.quota_used, a.quota_limit,
                                  format('key %s (%s…)', k.id, k.prefix), p_term)
           FROM luna_account_row(k.account_id) a;
        n := n + 1;
    END LOOP;
    RETURN n;
END
$$;

-- As in 0006_syncd. An end with more units than the ledger can hold is left out as well: it must
-- not keep the others of its batch from being booked.
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
        CONTINUE WHEN a.quota_used + units NOT BETWEEN -2147483648 AND 2147483647;
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
