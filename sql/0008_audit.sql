SET LOCAL ROLE luna_owner;

-- Reads the log of the accounts from `p_from` to `p_to` and returns what is wrong. The account row
-- is used only at the end, where the log has to arrive at it (I4, I6). Nested loops are off: the
-- planner cannot estimate the number of accounts in the log, and read the whole log once per
-- account.
CREATE FUNCTION luna_audit_faults(p_from int, p_to int) RETURNS TABLE (account_id int, seq bigint, what text, detail text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET enable_nestloop = off AS $$
    WITH log AS (
        SELECT e.*,
               lag(e.hash) OVER chain AS prev_hash, lag(e.seq) OVER chain AS prev_seq, lag(e.used_after) OVER chain AS prev_used,
               lag(e.limit_after) OVER chain AS prev_limit, lag(e.epoch) OVER chain AS prev_epoch,
               lag(e.to_c) OVER chain AS prev_c, lag(e.to_r) OVER chain AS prev_r,
               row_number() OVER (PARTITION BY e.account_id ORDER BY e.seq DESC) AS from_end
          FROM quota_events e WHERE e.account_id BETWEEN p_from AND p_to
        WINDOW chain AS (PARTITION BY e.account_id ORDER BY e.seq)
    ), faults AS (
        SELECT l.account_id, l.seq, 'hash' AS what, 'the event does not match its recorded hash' AS detail FROM log l
         WHERE l.hash IS DISTINCT FROM
               luna_event_hash(COALESCE(l.prev_hash, decode(repeat('00', 32), 'hex')), l.account_id, l.seq, l.at, l.kind, l.actor,
                               l.epoch, l.period_no, l.from_c, l.to_c, l.from_r, l.to_r, l.delta, l.used_before, l.used_after,
                               l.limit_before, l.limit_after, l.reason, l.term)
        UNION ALL
        SELECT l.account_id, l.seq, 'gap', format('follows event %s', COALESCE(l.prev_seq, 0)) FROM log l
         WHERE l.seq <> COALESCE(l.prev_seq, 0) + 1
        UNION ALL
        SELECT l.account_id, l.seq, 'balance', format('used %s then %s, delta %s, before it %s', l.used_before, l.used_after,
                                                      l.delta, COALESCE(l.prev_used, 0)) FROM log l
         WHERE l.used_before <> COALESCE(l.prev_used, 0)
            OR l.used_after <> CASE l.kind WHEN 'period_close' THEN 0 ELSE l.used_before + l.delta END
            OR (l.kind = 'book' AND l.delta <> (l.to_c - l.from_c) - (l.to_r - l.from_r))
        UNION ALL
        SELECT l.account_id, l.seq, 'limit', format('limit %s, before it %s', l.limit_before, COALESCE(l.prev_limit, 0))
          FROM log l WHERE l.limit_before <> COALESCE(l.prev_limit, 0)
        UNION ALL
        SELECT l.account_id, l.seq, 'counter', format('epoch %s counts from (%s, %s), the event before ended epoch %s at (%s, %s)',
               l.epoch, l.from_c, l.from_r, l.prev_epoch, l.prev_c, l.prev_r) FROM log l
         WHERE l.to_c < l.from_c OR l.to_r < l.from_r OR l.epoch < l.prev_epoch
            OR (l.epoch = l.prev_epoch AND (l.from_c <> l.prev_c OR l.from_r <> l.prev_r))
            OR (l.epoch > COALESCE(l.prev_epoch, -1) AND (l.from_c <> 0 OR l.from_r <> 0))
        UNION ALL
        SELECT a.id, COALESCE(l.seq, 0), 'head', format('the account says event %s, the log ends at %s', a.chain_seq,
               COALESCE(l.seq, 0))
          FROM accounts a LEFT JOIN log l ON l.account_id = a.id AND l.from_end = 1
         WHERE a.id BETWEEN p_from AND p_to AND (l.hash IS DISTINCT FROM a.chain_hash OR l.seq IS DISTINCT FROM a.chain_seq)
        UNION ALL
        SELECT a.id, 0, 'account', format('used %s and limit %s, by the log %s and %s', a.quota_used, a.quota_limit, l.used_after,
               l.limit_after)
          FROM accounts a JOIN log l ON l.account_id = a.id AND l.from_end = 1
         WHERE a.quota_used <> l.used_after OR a.quota_limit <> l.limit_after
        UNION ALL
        SELECT a.id, 0, 'account', format('used %s is not base %s + charged %s - refunded %s', a.quota_used, a.epoch_base,
               a.sync_c - a.period_c, a.sync_r - a.period_r)
          FROM accounts a
         WHERE a.id BETWEEN p_from AND p_to
           AND a.epoch_open AND a.quota_used <> a.epoch_base + (a.sync_c - a.period_c) - (a.sync_r - a.period_r)
    )
    SELECT f.account_id, f.seq, f.what, f.detail FROM faults f ORDER BY 1, 2, 3
$$;

GRANT EXECUTE ON FUNCTION luna_audit_faults TO luna_admin, luna_syncd;
GRANT EXECUTE ON FUNCTION luna_event_hash TO luna_admin, luna_syncd;
