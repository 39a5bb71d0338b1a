SET LOCAL ROLE luna_owner;

-- A deleted account: its keys are revoked, what names its owner is removed, and its row and its
-- events stay, so that the ledger can be verified (I6). To clients it is an account that does not
-- exist.
ALTER TABLE accounts ADD COLUMN deleted_at TIMESTAMPTZ;
CREATE INDEX accounts_deleted ON accounts (id) WHERE deleted_at IS NOT NULL;
GRANT SELECT (deleted_at) ON accounts TO luna_worker;

-- The name becomes the id: no other account has a name of digits only. What is charged and not yet
-- booked is booked as always; the period of an account that has counters in Redis ends with them.
CREATE FUNCTION luna_account_delete(p_id int, p_actor text, p_reason text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
    live bigint;
BEGIN
    IF a.deleted_at IS NULL THEN
        SELECT count(*) INTO live FROM api_keys k
         WHERE k.account_id = p_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
        PERFORM luna_event_note(a, 'account_delete', p_actor,
                                format('%s keys revoked%s', live, CASE WHEN p_reason = '' THEN '' ELSE ': ' || p_reason END));
        UPDATE api_keys SET revoked_at = COALESCE(revoked_at, now()), expiry_logged = true, name = '', metadata = '{}',
                            allowed = '{}'
         WHERE account_id = p_id;
        UPDATE accounts SET deleted_at = now(), disabled_at = COALESCE(disabled_at, now()), account_name = p_id::text,
                            period_end = CASE WHEN epoch_open THEN period_end END
         WHERE id = p_id;
    END IF;
    PERFORM luna_config_changed(p_id); -- also when it is deleted already: a failed delivery is repeated
END
$$;

-- As in 0014_budget, and deleted.
CREATE OR REPLACE VIEW account_config AS
SELECT a.id AS account_id, a.quota_limit, a.config_version, (a.disabled_at IS NOT NULL) AS disabled,
       p.rate_per_s, p.rate_burst, p.points_max, p.concurrent_max, p.quota_period, a.period_no,
       luna_ms(a.period_start) AS period_start_ms, luna_ms(a.period_end) AS period_end_ms,
       luna_ms(luna_period_end(p.quota_period, a.period_end)) AS next_end_ms,
       COALESCE((SELECT k.keys FROM account_keys k WHERE k.account_id = a.id), '') AS keys,
       p.compute_ms_per_s,
       (a.deleted_at IS NOT NULL) AS deleted
  FROM accounts a JOIN plans p ON p.name = a.plan;

-- As in 0002_accounts. A key that is made while its account is deleted waits for that, and fails.
CREATE OR REPLACE FUNCTION luna_keys_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM api_keys k
         WHERE k.account_id = NEW.account_id AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > now())) >= 40 THEN
        RAISE EXCEPTION 'account % has 40 live keys', NEW.account_id
            USING ERRCODE = 'LU006', HINT = 'revoke one that is not in use';
    END IF;
    IF EXISTS (SELECT FROM accounts WHERE id = NEW.account_id AND deleted_at IS NOT NULL) THEN
        RAISE EXCEPTION 'there is no account %', NEW.account_id USING ERRCODE = 'LU005';
    END IF;
    RETURN NEW;
END
$$;

-- As in 0009_plan_changes, without accounts that are deleted.
CREATE OR REPLACE FUNCTION luna_plan_advance(p_plan text, p_max int) RETURNS boolean LANGUAGE plpgsql AS $$
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
    FOR a IN SELECT * FROM accounts WHERE id > change.done_id AND id <= upto AND plan = p_plan AND deleted_at IS NULL
              ORDER BY id FOR UPDATE LOOP
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

-- The end of the epochs of deleted accounts that Redis does not have any more. By then everything
-- is booked: the caller has compared the counters.
CREATE FUNCTION luna_deleted_close(p_term bigint, p_incarnation bigint, p_accounts int[], p_epochs bigint[])
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    closed bigint := luna_epochs_end(p_term, p_incarnation, p_accounts, p_epochs);
BEGIN
    UPDATE accounts SET period_end = NULL WHERE id = ANY (p_accounts) AND deleted_at IS NOT NULL AND NOT epoch_open;
    RETURN closed;
END
$$;

GRANT EXECUTE ON FUNCTION luna_account_delete TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_deleted_close TO luna_syncd;
