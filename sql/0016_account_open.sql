SET LOCAL ROLE luna_owner;

-- As in 0011_keys, but returns the whole row, in the statement that makes it: when it was read back
-- by another one and that failed, the key of the new account was lost.
DROP FUNCTION luna_account_open;
CREATE FUNCTION luna_account_open(p_name text, p_plan text, p_limit bigint, p_digest uuid, p_pepper int, p_prefix text,
                                  p_actor text)
    RETURNS SETOF accounts LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    fresh int := luna_account_create(p_name, p_plan, p_limit, p_digest, p_prefix, p_actor);
BEGIN
    UPDATE api_keys SET pepper_id = p_pepper WHERE digest = p_digest;
    RETURN QUERY SELECT * FROM accounts WHERE id = fresh;
END
$$;
GRANT EXECUTE ON FUNCTION luna_account_open TO luna_admin;
