SET LOCAL ROLE luna_owner;

-- Strict mode: the end of epochs whose counters Redis has kept, and which are booked. At a fence,
-- before the rest is recovered from the journals.
CREATE FUNCTION luna_epochs_end(p_term bigint, p_incarnation bigint, p_accounts int[], p_epochs bigint[])
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    truth bigint;
    closed bigint;
BEGIN
    PERFORM luna_term_check(p_term);
    SELECT incarnation INTO STRICT truth FROM redis_incarnation FOR UPDATE;
    IF truth <> p_incarnation THEN
        RAISE EXCEPTION 'incarnation % is fenced by %', p_incarnation, truth USING ERRCODE = 'LU003';
    END IF;
    UPDATE accounts a SET epoch_open = false
      FROM unnest(p_accounts, p_epochs) AS i(id, epoch)
     WHERE a.id = i.id AND a.quota_epoch = i.epoch AND a.epoch_open;
    GET DIAGNOSTICS closed = ROW_COUNT;
    RETURN closed;
END
$$;
GRANT EXECUTE ON FUNCTION luna_epochs_end TO luna_syncd;
