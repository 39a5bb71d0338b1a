SET LOCAL ROLE luna_owner;

-- A plan is changed at once; its accounts hear of it one after another, each with its event, in
-- steps of bounded length: a plan may have any number of them, and no step may hold their rows
-- longer than a request can wait. How far a change has come stands here, in the step's own
-- transaction: whoever goes on, goes on where the last one ended. No row: none is under way.
CREATE TABLE plan_changes (
    plan       TEXT PRIMARY KEY REFERENCES plans (name),
    actor      TEXT NOT NULL,
    done_id    INTEGER NOT NULL,     -- the accounts up to this one have heard
    last_id    INTEGER NOT NULL,     -- those after this one came later, and had the new plan from the start
    stepped_at TIMESTAMPTZ NOT NULL  -- when the operator's program made its last step
);

-- One step: looks at the next `p_max` accounts, and tells those of the plan. False: there was
-- nothing left to do after it.
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

GRANT EXECUTE ON FUNCTION luna_plan_step TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_plan_carry_on TO luna_syncd;
GRANT SELECT ON plan_changes TO luna_admin, luna_syncd;
