SET LOCAL ROLE luna_owner;

-- A plan changes in one transaction; then its accounts are updated one after another, each with its
-- event, in steps of bounded length: a plan may have any number of accounts, and no step may lock
-- rows for longer than a request can wait. Each step records here how far the change has come, so
-- that any program can continue it. No row: no change is in progress.
CREATE TABLE plan_changes (
    plan       TEXT PRIMARY KEY REFERENCES plans (name),
    actor      TEXT NOT NULL,
    done_id    INTEGER NOT NULL,     -- accounts up to this one are updated
    last_id    INTEGER NOT NULL,     -- accounts after this one were created later, with the new plan
    stepped_at TIMESTAMPTZ NOT NULL  -- when the operator's program did its last step
);

-- One step: reads the next `p_max` accounts, and updates those of the plan. False: it was the last.
CREATE FUNCTION luna_plan_advance(p_plan text, p_max int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    change plan_changes;
    kind text;
    upto int;
    a accounts;
    updated int[] := '{}';
BEGIN
    SELECT * INTO change FROM plan_changes WHERE plan = p_plan FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT quota_period INTO STRICT kind FROM plans WHERE name = p_plan; -- read after the change was locked
    SELECT max(id) INTO upto
      FROM (SELECT id FROM accounts WHERE id > change.done_id AND id <= change.last_id ORDER BY id LIMIT p_max) AS ahead;
    FOR a IN SELECT * FROM accounts WHERE id > change.done_id AND id <= upto AND plan = p_plan ORDER BY id FOR UPDATE LOOP
        PERFORM luna_event_note(a, 'plan_change', change.actor, format('plan %s was changed', p_plan));
        updated := updated || a.id;
    END LOOP;
    PERFORM luna_period_adopt(id, kind) FROM unnest(updated) AS id;
    UPDATE accounts SET config_version = config_version + 1 WHERE id = ANY (updated);
    INSERT INTO config_outbox (account_id) SELECT id FROM unnest(updated) AS id ORDER BY id;
    PERFORM pg_notify('luna_quota', p_plan);
    IF upto IS NULL OR upto >= change.last_id THEN
        DELETE FROM plan_changes WHERE plan = p_plan;
        RETURN false;
    END IF;
    UPDATE plan_changes SET done_id = upto WHERE plan = p_plan;
    RETURN true;
END
$$;

-- The step of the operator's program.
CREATE FUNCTION luna_plan_step(p_plan text, p_max int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE plan_changes SET stepped_at = clock_timestamp() WHERE plan = p_plan;
    RETURN luna_plan_advance(p_plan, p_max);
END
$$;

-- The daemon's step, for a change that the operator's program has left unfinished.
CREATE FUNCTION luna_plan_continue(p_term bigint, p_max int) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
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

GRANT EXECUTE ON FUNCTION luna_plan_step TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_plan_continue TO luna_syncd;
GRANT SELECT ON plan_changes TO luna_admin, luna_syncd;
