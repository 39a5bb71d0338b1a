SET LOCAL ROLE luna_owner;

-- What a role's functions accept is bounded by what PostgreSQL knows itself: its clock, the limits
-- and bookings in the log, the keys. An attacker who has only the password of luna_worker or
-- luna_syncd cannot move a period by years, book or refund what cannot have been charged, make a
-- key out of nothing, or write an actor of their own choice into the log. LU004: out of these
-- bounds.

CREATE FUNCTION luna_actor_check(p_actor text, p_form text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (p_actor ~ p_form) IS NOT TRUE THEN
        RAISE EXCEPTION 'the actor does not have the form %', p_form USING ERRCODE = 'LU004';
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
        RAISE EXCEPTION 'an overlap of % s is outside the range 0 to 604800', p_overlap_s USING ERRCODE = 'LU004';
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

ALTER FUNCTION luna_events_partitions(int) RENAME TO luna_events_partitions_make;
REVOKE EXECUTE ON FUNCTION luna_events_partitions_make FROM luna_syncd;
CREATE FUNCTION luna_events_partitions(months int) RETURNS int LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT luna_events_partitions_make(least(months, 24))
$$;
GRANT EXECUTE ON FUNCTION luna_events_partitions TO luna_syncd;
