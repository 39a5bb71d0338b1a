SET LOCAL ROLE luna_owner;

-- A plan bounds processor time beside units: so many milliseconds of computing a second, on
-- average. Also, the plans that limit concurrent requests leave a worker of the default pool to
-- others.
ALTER TABLE plans ADD COLUMN compute_ms_per_s INTEGER NOT NULL DEFAULT 0
    CHECK (compute_ms_per_s BETWEEN 0 AND 1000000); -- 0: no limit
UPDATE plans SET compute_ms_per_s = CASE name WHEN 'daily' THEN 500 ELSE 1500 END
 WHERE name IN ('standard', 'daily', 'monthly');
UPDATE plans SET concurrent_max = 3 WHERE (name, concurrent_max) IN (('daily', 4), ('monthly', 16));

-- As in 0011_keys, and compute_ms_per_s.
CREATE OR REPLACE VIEW account_config AS
SELECT a.id AS account_id, a.quota_limit, a.config_version, (a.disabled_at IS NOT NULL) AS disabled,
       p.rate_per_s, p.rate_burst, p.points_max, p.concurrent_max, p.quota_period, a.period_no,
       luna_ms(a.period_start) AS period_start_ms, luna_ms(a.period_end) AS period_end_ms,
       luna_ms(luna_period_end(p.quota_period, a.period_end)) AS next_end_ms,
       COALESCE((SELECT k.keys FROM account_keys k WHERE k.account_id = a.id), '') AS keys,
       p.compute_ms_per_s
  FROM accounts a JOIN plans p ON p.name = a.plan;

-- luna_plan_put(), and the processor time. A plan without accounts has no accounts to update.
CREATE FUNCTION luna_plan_put(p_name text, p_rate_per_s int, p_rate_burst int, p_limit int, p_period text,
                              p_points_max bigint, p_concurrent_max int, p_compute_ms_per_s int, p_actor text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_plan_put(p_name, p_rate_per_s, p_rate_burst, p_limit, p_period, p_points_max, p_concurrent_max, p_actor);
    UPDATE plans SET compute_ms_per_s = p_compute_ms_per_s, updated_at = now()
     WHERE name = p_name AND compute_ms_per_s <> p_compute_ms_per_s;
    IF FOUND AND EXISTS (SELECT FROM accounts WHERE plan = p_name) THEN
        INSERT INTO plan_changes (plan, actor, done_id, last_id, stepped_at)
        SELECT p_name, p_actor, 0, COALESCE(max(id), 0), clock_timestamp() FROM accounts
        ON CONFLICT (plan) DO UPDATE SET actor = excluded.actor, done_id = 0, last_id = excluded.last_id,
            stepped_at = excluded.stepped_at;
    END IF;
END
$$;
REVOKE EXECUTE ON FUNCTION luna_plan_put(text, int, int, int, text, bigint, int, text) FROM luna_admin;
GRANT EXECUTE ON FUNCTION luna_plan_put(text, int, int, int, text, bigint, int, int, text) TO luna_admin;
