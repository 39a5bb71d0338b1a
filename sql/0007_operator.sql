SET LOCAL ROLE luna_owner;

-- Changes by operators, and changes of keys by the owner of an account through the API. Each is one
-- transaction: the change, its audit event, and the outbox row for its delivery to Redis.

CREATE FUNCTION luna_config_changed(p_id int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts SET config_version = config_version + 1 WHERE id = p_id;
    INSERT INTO config_outbox (account_id) VALUES (p_id);
    PERFORM pg_notify('luna_quota', p_id::text); -- only a hint: the outbox is what is delivered
END
$$;

CREATE FUNCTION luna_account_row(p_id int) RETURNS accounts LANGUAGE plpgsql AS $$
DECLARE
    a accounts;
BEGIN
    SELECT * INTO a FROM accounts WHERE id = p_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no account %', p_id USING ERRCODE = 'LU005';
    END IF;
    RETURN a;
END
$$;

-- An event that changes no number of the quota.
CREATE FUNCTION luna_event_note(a accounts, p_kind text, p_actor text, p_reason text) RETURNS void LANGUAGE sql AS $$
    SELECT luna_event_append(a.id, p_kind, p_actor, a.sync_c, a.sync_r, 0, a.quota_used, a.quota_limit, p_reason, 0)
$$;

-- The plan is locked until the account has it: every account either has the plan as it is now, or
-- is among those that a later change updates.
CREATE FUNCTION luna_account_create(p_name text, p_plan text, p_limit bigint, p_digest uuid, p_prefix text, p_actor text)
    RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    p plans;
    fresh int;
    allowed bigint;
    start timestamptz;
BEGIN
    SELECT * INTO p FROM plans WHERE name = p_plan FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no plan "%"', p_plan USING ERRCODE = 'LU005';
    END IF;
    IF EXISTS (SELECT FROM accounts WHERE account_name = p_name) THEN
        RAISE EXCEPTION 'an account named "%" exists', p_name USING ERRCODE = 'LU006';
    END IF;
    allowed := COALESCE(p_limit, p.quota_limit, 500);
    start := CASE p.quota_period WHEN 'none' THEN now()
                  ELSE date_trunc(p.quota_period, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' END;
    INSERT INTO accounts (account_name, api_key, quota_limit, plan, period_start, period_end)
    VALUES (p_name, p_digest, 0, p_plan, start, luna_period_end(p.quota_period, start))
    RETURNING id INTO fresh;
    INSERT INTO api_keys (account_id, digest, prefix, scopes) VALUES (fresh, p_digest, p_prefix, 7);
    PERFORM luna_event_append(fresh, 'account_create', p_actor, 0, 0, 0, 0, allowed, format('plan %s', p_plan), 0);
    PERFORM luna_config_changed(fresh);
    RETURN fresh;
END
$$;

CREATE FUNCTION luna_account_set_limit(p_id int, p_limit bigint, p_actor text, p_reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
BEGIN
    PERFORM luna_event_append(p_id, 'limit_change', p_actor, a.sync_c, a.sync_r, 0, a.quota_used, p_limit, p_reason, 0);
    PERFORM luna_config_changed(p_id);
END
$$;

-- The current period gets the plan's kind; what was used in it stays used. A period of that kind is
-- not changed, even when it has ended: it is closed by the booking of what belongs to it (I9).
CREATE FUNCTION luna_period_adopt(p_id int, p_kind text) RETURNS void LANGUAGE sql AS $$
    UPDATE accounts SET period_end = luna_period_end(p_kind, now()),
           period_start = CASE p_kind WHEN 'none' THEN period_start
                               ELSE date_trunc(p_kind, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' END
     WHERE id = p_id AND period_end IS DISTINCT FROM luna_period_end(p_kind, period_start)
$$;

CREATE FUNCTION luna_account_set_plan(p_id int, p_plan text, p_actor text, p_reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts;
    p plans;
BEGIN
    -- First the plan, then the account, as a change of a plan locks them: in another order the two
    -- could wait for each other.
    SELECT * INTO p FROM plans WHERE name = p_plan FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no plan "%"', p_plan USING ERRCODE = 'LU005';
    END IF;
    a := luna_account_row(p_id);
    PERFORM luna_event_append(p_id, 'plan_change', p_actor, a.sync_c, a.sync_r, 0, a.quota_used,
                              COALESCE(p.quota_limit, a.quota_limit),
                              format('%s to %s%s', a.plan, p_plan, CASE WHEN p_reason = '' THEN '' ELSE ': ' || p_reason END), 0);
    UPDATE accounts SET plan = p_plan WHERE id = p_id;
    PERFORM luna_period_adopt(p_id, p.quota_period);
    PERFORM luna_config_changed(p_id);
END
$$;

CREATE FUNCTION luna_account_set_disabled(p_id int, p_disabled boolean, p_actor text, p_reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
BEGIN
    IF (a.disabled_at IS NOT NULL) <> p_disabled THEN
        PERFORM luna_event_note(a, CASE WHEN p_disabled THEN 'disable' ELSE 'enable' END, p_actor, p_reason);
        UPDATE accounts SET disabled_at = CASE WHEN p_disabled THEN now() END WHERE id = p_id;
    END IF;
    PERFORM luna_config_changed(p_id);
END
$$;

CREATE FUNCTION luna_key_add(p_id int, p_digest uuid, p_prefix text, p_scopes int, p_not_before_ms bigint, p_expires_ms bigint,
                             p_actor text)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
    fresh bigint;
BEGIN
    INSERT INTO api_keys (account_id, digest, prefix, scopes, not_before, expires_at)
    VALUES (p_id, p_digest, p_prefix, p_scopes, luna_time(p_not_before_ms), luna_time(p_expires_ms))
    RETURNING id INTO fresh;
    PERFORM luna_event_note(a, 'key_create', p_actor, format('key %s (%s…)', fresh, p_prefix));
    PERFORM luna_config_changed(p_id);
    RETURN fresh;
END
$$;

-- The old primary key stays valid for `p_overlap_s` seconds, never beyond its own expiry.
CREATE FUNCTION luna_key_rotate(p_id int, p_digest uuid, p_prefix text, p_overlap_s bigint, p_actor text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
    fresh bigint;
BEGIN
    UPDATE api_keys SET revoked_at = CASE WHEN p_overlap_s = 0 THEN COALESCE(revoked_at, now()) ELSE revoked_at END,
                        expires_at = CASE WHEN p_overlap_s = 0 THEN expires_at
                                          ELSE LEAST(expires_at, now() + make_interval(secs => p_overlap_s)) END
     WHERE digest = a.api_key;
    INSERT INTO api_keys (account_id, digest, prefix, scopes) VALUES (p_id, p_digest, p_prefix, 7) RETURNING id INTO fresh;
    UPDATE accounts SET api_key = p_digest WHERE id = p_id;
    PERFORM luna_event_note(a, 'key_rotate', p_actor,
                            format('key %s (%s…) is primary; the old one lives %s s', fresh, p_prefix, p_overlap_s));
    PERFORM luna_config_changed(p_id);
END
$$;

-- A new key in place of any live one, with its scopes and its expiry. The old one stays valid for
-- `p_overlap_s` seconds, never beyond its own expiry. Returns the new key's id.
CREATE FUNCTION luna_key_replace(p_id int, p_key bigint, p_digest uuid, p_prefix text, p_overlap_s bigint, p_actor text)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
    k api_keys;
    fresh bigint;
BEGIN
    SELECT * INTO k FROM api_keys WHERE id = p_key AND account_id = p_id AND revoked_at IS NULL
       AND (expires_at IS NULL OR expires_at > now());
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account % has no live key %', p_id, p_key USING ERRCODE = 'LU005';
    END IF;
    UPDATE api_keys SET revoked_at = CASE WHEN p_overlap_s = 0 THEN now() END,
                        expires_at = LEAST(expires_at, now() + make_interval(secs => p_overlap_s))
     WHERE id = p_key;
    INSERT INTO api_keys (account_id, digest, prefix, scopes, expires_at)
    VALUES (p_id, p_digest, p_prefix, k.scopes, k.expires_at) RETURNING id INTO fresh;
    UPDATE accounts SET api_key = p_digest WHERE id = p_id AND api_key = k.digest;
    PERFORM luna_event_note(a, 'key_rotate', p_actor, format('key %s (%s…) replaces key %s, which stays valid for %s s', fresh,
                            p_prefix, p_key, p_overlap_s));
    PERFORM luna_config_changed(p_id);
    RETURN fresh;
END
$$;

CREATE FUNCTION luna_key_revoke(p_id int, p_key bigint, p_actor text, p_reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
    k api_keys;
BEGIN
    SELECT * INTO k FROM api_keys WHERE id = p_key AND account_id = p_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account % has no key %', p_id, p_key USING ERRCODE = 'LU005';
    END IF;
    IF k.revoked_at IS NULL THEN
        UPDATE api_keys SET revoked_at = now() WHERE id = p_key;
        PERFORM luna_event_note(a, 'key_revoke', p_actor, format('key %s (%s…)%s', p_key, k.prefix,
                                CASE WHEN p_reason = '' THEN '' ELSE ': ' || p_reason END));
    END IF;
    PERFORM luna_config_changed(p_id);
END
$$;

-- Expired keys: Redis refuses them by its clock already; here they get their event, and are removed
-- from Redis.
CREATE FUNCTION luna_keys_expire(p_term bigint, p_actor text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
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
GRANT EXECUTE ON FUNCTION luna_keys_expire TO luna_syncd;

-- Creates the plan, or changes it. With the values that it has already, nothing changes: a change
-- in progress continues from where it is.
CREATE FUNCTION luna_plan_put(p_name text, p_rate_per_s int, p_rate_burst int, p_limit int, p_period text,
                              p_points_max bigint, p_concurrent_max int, p_actor text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before plans;
BEGIN
    INSERT INTO plans (name, rate_per_s, rate_burst, quota_limit, quota_period, points_max, concurrent_max)
    VALUES (p_name, p_rate_per_s, p_rate_burst, p_limit, p_period, p_points_max, p_concurrent_max)
    ON CONFLICT (name) DO NOTHING;
    IF FOUND THEN
        RETURN;
    END IF;
    -- Waits for transactions that give an account this plan (FOR SHARE): that account is among
    -- those to update.
    SELECT * INTO STRICT before FROM plans WHERE name = p_name FOR NO KEY UPDATE;
    IF (before.rate_per_s, before.rate_burst, before.quota_limit, before.quota_period, before.points_max, before.concurrent_max)
       IS NOT DISTINCT FROM (p_rate_per_s, p_rate_burst, p_limit, p_period, p_points_max, p_concurrent_max) THEN
        RETURN;
    END IF;
    UPDATE plans SET rate_per_s = p_rate_per_s, rate_burst = p_rate_burst, quota_limit = p_limit, quota_period = p_period,
                     points_max = p_points_max, concurrent_max = p_concurrent_max, updated_at = now()
     WHERE name = p_name;
    -- An unfinished earlier change starts again with this one.
    INSERT INTO plan_changes (plan, actor, done_id, last_id, stepped_at)
    SELECT p_name, p_actor, 0, COALESCE(max(id), 0), clock_timestamp() FROM accounts
    ON CONFLICT (plan) DO UPDATE SET actor = excluded.actor, done_id = 0, last_id = excluded.last_id,
        stepped_at = excluded.stepped_at;
END
$$;

GRANT EXECUTE ON FUNCTION luna_account_create, luna_account_set_limit, luna_account_set_plan, luna_account_set_disabled,
    luna_key_add, luna_key_rotate, luna_key_replace, luna_key_revoke, luna_plan_put, luna_outbox_done TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_key_add, luna_key_replace, luna_key_revoke TO luna_worker;
GRANT SELECT ON accounts, api_keys, plans, quota_events, quota_daily, account_config, config_outbox, syncd_leader, journal_hosts
    TO luna_admin;
