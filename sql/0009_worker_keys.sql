SET LOCAL ROLE luna_owner;

-- What an account's owner does through the API: the worker may make, replace and revoke keys and read the log. Limits and
-- the log itself stay out of its reach.

-- Every live key is a field of the account's hash in Redis, and is sent whole at each change: there have to be few.
CREATE FUNCTION luna_keys_are_few() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM api_keys k
         WHERE k.account_id = NEW.account_id AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > now())) >= 40 THEN
        RAISE EXCEPTION 'account % has 40 live keys', NEW.account_id
            USING ERRCODE = 'LU006', HINT = 'revoke one that is not used';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER api_keys_few BEFORE INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION luna_keys_are_few();

-- A new key in place of any live one, with its scopes and its end. The old one lives on for `p_overlap_s` seconds, never
-- longer than it would have. Returns the new key's id.
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
    PERFORM luna_event_note(a, 'key_rotate', p_actor, format('key %s (%s…) in place of key %s, which lives %s s', fresh,
                            p_prefix, p_key, p_overlap_s));
    PERFORM luna_changed(p_id);
    RETURN fresh;
END
$$;

GRANT EXECUTE ON FUNCTION luna_key_replace TO luna_admin, luna_worker;
GRANT EXECUTE ON FUNCTION luna_key_add, luna_key_revoke TO luna_worker;
GRANT SELECT (id, account_id, digest, prefix, scopes, not_before, expires_at, revoked_at, created_at) ON api_keys TO luna_worker;
GRANT SELECT (api_key) ON accounts TO luna_worker;
GRANT SELECT ON account_config, quota_events TO luna_worker;
