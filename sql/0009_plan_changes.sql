SET LOCAL ROLE luna_owner;

-- A plan is changed at once; its accounts hear of it one after another, each with its event, in steps of bounded length: a
-- plan may have any number of them, and no step may hold their rows longer than a request can wait. How far a change has
-- come stands here, in the step's own transaction: whoever goes on, goes on where the last one ended. No row: none is
-- under way.
CREATE TABLE plan_changes (
    plan       TEXT PRIMARY KEY REFERENCES plans (name),
    actor      TEXT NOT NULL,
    done_id    INTEGER NOT NULL,     -- the accounts up to this one have heard
    last_id    INTEGER NOT NULL,     -- those after this one came later, and had the new plan from the start
    stepped_at TIMESTAMPTZ NOT NULL  -- when the operator's program made its last step
);

-- Changes the plan itself, or makes it. Asked for what the plan says already, it changes nothing: a change that is under way
-- goes on from where it is.
CREATE OR REPLACE FUNCTION luna_plan_put(p_name text, p_rate_per_s int, p_rate_burst int, p_limit int, p_period text,
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
    -- Waits for whoever is giving an account this plan as it was (FOR SHARE): that account is among those to be told.
    SELECT * INTO STRICT before FROM plans WHERE name = p_name FOR NO KEY UPDATE;
    IF (before.rate_per_s, before.rate_burst, before.quota_limit, before.quota_period, before.points_max, before.concurrent_max)
       IS NOT DISTINCT FROM (p_rate_per_s, p_rate_burst, p_limit, p_period, p_points_max, p_concurrent_max) THEN
        RETURN;
    END IF;
    UPDATE plans SET rate_per_s = p_rate_per_s, rate_burst = p_rate_burst, quota_limit = p_limit, quota_period = p_period,
                     points_max = p_points_max, concurrent_max = p_concurrent_max, updated_at = now()
     WHERE name = p_name;
    -- An earlier change that had not come to its end begins anew with this one.
    INSERT INTO plan_changes (plan, actor, done_id, last_id, stepped_at)
    SELECT p_name, p_actor, 0, COALESCE(max(id), 0), clock_timestamp() FROM accounts
    ON CONFLICT (plan) DO UPDATE SET actor = excluded.actor, done_id = 0, last_id = excluded.last_id,
        stepped_at = excluded.stepped_at;
END
$$;

-- The present period's window follows the plan's kind; what was used in it stays used. One that is of that kind already stays
-- as it is, even when it has ended: who closes it books first what belongs to it.
CREATE OR REPLACE FUNCTION luna_period_adopt(p_id int, p_kind text) RETURNS void LANGUAGE sql AS $$
    UPDATE accounts SET period_end = luna_period_end(p_kind, now()),
           period_start = CASE p_kind WHEN 'none' THEN period_start
                               ELSE date_trunc(p_kind, now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' END
     WHERE id = p_id AND period_end IS DISTINCT FROM luna_period_end(p_kind, period_start)
$$;

-- One step: looks at the next `p_max` accounts, and tells those of the plan. False: there was nothing left to do after it.
CREATE FUNCTION luna_plan_walk(p_plan text, p_max int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    change plan_changes;
    kind text;
    upto int;
    a accounts;
    told int[] := '{}';
BEGIN
    SELECT * INTO change FROM plan_changes WHERE plan = p_plan FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT quota_period INTO STRICT kind FROM plans WHERE name = p_plan; -- as it is now that the change is ours
    SELECT max(id) INTO upto
      FROM (SELECT id FROM accounts WHERE id > change.done_id AND id <= change.last_id ORDER BY id LIMIT p_max) AS ahead;
    FOR a IN SELECT * FROM accounts WHERE id > change.done_id AND id <= upto AND plan = p_plan ORDER BY id FOR UPDATE LOOP
        PERFORM luna_event_note(a, 'plan_change', change.actor, format('plan %s was changed', p_plan));
        told := told || a.id;
    END LOOP;
    PERFORM luna_period_adopt(id, kind) FROM unnest(told) AS id;
    UPDATE accounts SET config_version = config_version + 1 WHERE id = ANY (told);
    INSERT INTO config_outbox (account_id) SELECT id FROM unnest(told) AS id ORDER BY id;
    PERFORM pg_notify('luna_quota', p_plan);
    IF upto IS NULL OR upto >= change.last_id THEN
        DELETE FROM plan_changes WHERE plan = p_plan;
        RETURN false;
    END IF;
    UPDATE plan_changes SET done_id = upto WHERE plan = p_plan;
    RETURN true;
END
$$;

-- The operator's step.
CREATE FUNCTION luna_plan_step(p_plan text, p_max int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE plan_changes SET stepped_at = clock_timestamp() WHERE plan = p_plan;
    RETURN luna_plan_walk(p_plan, p_max);
END
$$;

-- The daemon's: of a change that whoever asked for it has left half done.
CREATE FUNCTION luna_plan_carry_on(p_term bigint, p_max int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    left_behind text;
BEGIN
    PERFORM luna_term_check(p_term);
    SELECT plan INTO left_behind FROM plan_changes WHERE stepped_at < clock_timestamp() - interval '10 seconds'
     ORDER BY stepped_at LIMIT 1;
    RETURN left_behind IS NOT NULL AND luna_plan_walk(left_behind, p_max);
END
$$;

-- As before, but a plan that is read here is not changed until the account has it: every account is in the walk, or was given
-- the plan as it is.
CREATE OR REPLACE FUNCTION luna_account_create(p_name text, p_plan text, p_limit bigint, p_digest uuid, p_prefix text,
                                               p_actor text)
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
    PERFORM luna_changed(fresh);
    RETURN fresh;
END
$$;

CREATE OR REPLACE FUNCTION luna_account_set_plan(p_id int, p_plan text, p_actor text, p_reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts;
    p plans;
BEGIN
    -- The plan before the account, as a change of the plan takes them: in another order each could wait for the other.
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
    PERFORM luna_changed(p_id);
END
$$;

GRANT EXECUTE ON FUNCTION luna_plan_step TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_plan_carry_on TO luna_syncd;
GRANT SELECT ON plan_changes TO luna_admin, luna_syncd;
