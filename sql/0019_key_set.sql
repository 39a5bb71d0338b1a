-- compatible-from: 0018

SET LOCAL ROLE luna_owner;

-- Changes what a key has beside its digest. NULL: unchanged; a rate of 0: none of its own; a burst
-- is the rate, if nothing else is said. Scopes only become fewer: a sender that had enough of them
-- to replace the key still has.
CREATE FUNCTION luna_key_set(p_id int, p_key bigint, p_scopes int, p_name text, p_metadata text, p_allowed text,
                             p_rate_per_s int, p_rate_burst int, p_actor text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    a accounts := luna_account_row(p_id);
    k api_keys;
    n api_keys;
    rate int;
BEGIN
    SELECT * INTO k FROM api_keys WHERE id = p_key AND account_id = p_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'account % has no key %', p_id, p_key USING ERRCODE = 'LU005';
    ELSIF k.revoked_at IS NOT NULL OR k.expires_at <= now() THEN
        RAISE EXCEPTION 'account %: the key % is not valid any more', p_id, p_key USING ERRCODE = 'LU006';
    ELSIF p_scopes & ~k.scopes <> 0 THEN
        RAISE EXCEPTION 'account %: the scopes of key % only become fewer', p_id, p_key USING ERRCODE = 'LU004';
    END IF;
    rate := COALESCE(p_rate_per_s, k.rate_per_s);
    IF rate = 0 AND p_rate_burst > 0 THEN
        RAISE EXCEPTION 'account %: key % has no rate of its own', p_id, p_key USING ERRCODE = 'LU004';
    END IF;
    UPDATE api_keys SET scopes = COALESCE(p_scopes, scopes), name = COALESCE(p_name, name),
                        metadata = COALESCE(p_metadata::jsonb, metadata),
                        allowed = COALESCE(string_to_array(p_allowed, ';')::cidr[], allowed), rate_per_s = rate,
                        rate_burst = CASE WHEN rate > 0 THEN COALESCE(p_rate_burst, p_rate_per_s, rate_burst) ELSE 0 END
     WHERE id = p_key RETURNING * INTO n;
    IF n IS DISTINCT FROM k THEN
        PERFORM luna_event_note(a, 'key_change', p_actor, format('key %s (%s…): %s', p_key, k.prefix, concat_ws(', ',
            CASE WHEN n.scopes <> k.scopes THEN 'scopes' END, CASE WHEN n.name <> k.name THEN 'name' END,
            CASE WHEN n.metadata <> k.metadata THEN 'metadata' END, CASE WHEN n.allowed <> k.allowed THEN 'networks' END,
            CASE WHEN (n.rate_per_s, n.rate_burst) <> (k.rate_per_s, k.rate_burst) THEN 'rate' END)));
    END IF;
    PERFORM luna_config_changed(p_id); -- also when nothing changed: a failed delivery is repeated
END
$$;

CREATE FUNCTION luna_key_set_by(p_id int, p_key bigint, p_scopes int, p_name text, p_metadata text, p_allowed text,
                                p_rate_per_s int, p_rate_burst int, p_actor text, p_maker uuid)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_maker_check(p_id, p_maker, COALESCE((SELECT scopes FROM api_keys WHERE id = p_key AND account_id = p_id), 0),
                             p_actor);
    PERFORM luna_key_set(p_id, p_key, p_scopes, p_name, p_metadata, p_allowed, p_rate_per_s, p_rate_burst, p_actor);
END
$$;
GRANT EXECUTE ON FUNCTION luna_key_set TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_key_set_by TO luna_worker;
