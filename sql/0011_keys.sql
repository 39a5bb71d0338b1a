SET LOCAL ROLE luna_owner;

-- Keys that can be distinguished (name, metadata, last use), that are worth less when they leak
-- (allowed addresses, a rate of their own), and that a retry makes once. `pepper_id` says under
-- which pepper the digest was made; digests of an earlier one are replaced when their key is used.
ALTER TABLE api_keys
    ALTER COLUMN prefix TYPE TEXT,
    ADD COLUMN name TEXT NOT NULL DEFAULT '' CHECK (length(name) <= 64),
    ADD COLUMN metadata JSONB NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND octet_length(metadata::text) <= 8192),
    ADD COLUMN allowed CIDR[] NOT NULL DEFAULT '{}' CHECK (cardinality(allowed) <= 16),
    ADD COLUMN rate_per_s INTEGER NOT NULL DEFAULT 0 CHECK (rate_per_s BETWEEN 0 AND 1000000), -- 0: the account's alone
    ADD COLUMN rate_burst INTEGER NOT NULL DEFAULT 0
        CHECK (rate_burst BETWEEN 0 AND 1000000 AND (rate_burst = 0) = (rate_per_s = 0)),
    ADD COLUMN last_used_at TIMESTAMPTZ, -- to within some minutes
    ADD COLUMN pepper_id INTEGER NOT NULL DEFAULT 1 CHECK (pepper_id BETWEEN 1 AND 9999),
    ADD COLUMN earlier_digest UUID UNIQUE, -- tokens that were made with it are still valid
    ADD COLUMN moved_at TIMESTAMPTZ;       -- when the digest of another pepper replaced it
CREATE INDEX api_keys_pepper ON api_keys (pepper_id) WHERE revoked_at IS NULL;

-- How long an earlier digest is accepted: longer than a token lives.
CREATE FUNCTION luna_earlier_digest_life() RETURNS interval LANGUAGE sql IMMUTABLE AS $$
    SELECT interval '2 hours'
$$;

-- An account's live keys: "digest scopes not_before_ms expires_ms", and for a key with a rate or
-- addresses of its own " 0 rate_per_s rate_burst addresses" ("-", or joined by semicolons); joined
-- by commas. The 0 stands where Redis has the time of the last use.
CREATE VIEW account_keys AS
SELECT k.account_id,
       string_agg(d.digest || ' ' || k.scopes || ' ' || luna_ms(k.not_before) || ' ' || luna_ms(d.until)
                  || CASE WHEN k.rate_per_s = 0 AND k.allowed = '{}' THEN ''
                          ELSE ' 0 ' || k.rate_per_s || ' ' || k.rate_burst || ' ' ||
                               COALESCE(NULLIF(array_to_string(k.allowed, ';'), ''), '-') END,
                  ',' ORDER BY k.id, d.digest) AS keys
  FROM api_keys k
 CROSS JOIN LATERAL (VALUES (k.digest, k.expires_at),
                            (CASE WHEN k.moved_at > now() - luna_earlier_digest_life() THEN k.earlier_digest END,
                             LEAST(k.expires_at, k.moved_at + luna_earlier_digest_life()))) AS d (digest, until)
 WHERE d.digest IS NOT NULL AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
 GROUP BY k.account_id;
CREATE OR REPLACE VIEW account_config AS
SELECT a.id AS account_id, a.quota_limit, a.config_version, (a.disabled_at IS NOT NULL) AS disabled,
       p.rate_per_s, p.rate_burst, p.points_max, p.concurrent_max, p.quota_period, a.period_no,
       luna_ms(a.period_start) AS period_start_ms, luna_ms(a.period_end) AS period_end_ms,
       luna_ms(luna_period_end(p.quota_period, a.period_end)) AS next_end_ms,
       COALESCE((SELECT k.keys FROM account_keys k WHERE k.account_id = a.id), '') AS keys
  FROM accounts a JOIN plans p ON p.name = a.plan;

CREATE OR REPLACE FUNCTION luna_key_text_check(p_digest uuid, p_prefix text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF (p_digest::text ~ '^.{14}8' AND p_prefix ~ '^([0-9a-f]{8}|luna_live_[a-z2-7]{6})$') IS NOT TRUE THEN
        RAISE EXCEPTION 'this is not the digest and the prefix of a key' USING ERRCODE = 'LU004';
    END IF;
END
$$;

-- A token names the digest that its key had when it was made.
CREATE OR REPLACE FUNCTION luna_maker_check(p_id int, p_maker uuid, p_scopes int, p_actor text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    held int;
BEGIN
    PERFORM luna_actor_check(p_actor, '^api:[A-Za-z0-9._-]{1,64}$');
    SELECT k.scopes INTO held FROM api_keys k JOIN accounts a ON a.id = k.account_id
     WHERE k.account_id = p_id AND a.disabled_at IS NULL AND k.revoked_at IS NULL
       AND (k.expires_at IS NULL OR k.expires_at > now())
       AND (k.digest = p_maker OR (k.earlier_digest = p_maker AND k.moved_at > now() - luna_earlier_digest_life()));
    IF NOT FOUND OR held & 4 = 0 OR p_scopes & ~held <> 0 THEN
        RAISE EXCEPTION 'account %: the key that asks may not do this', p_id USING ERRCODE = 'LU004';
    END IF;
END
$$;

-- The live key with this digest: what an earlier request with the same Idempotency-Key made. NULL:
-- there is none. LU006: it was made, and is not valid any more.
CREATE FUNCTION luna_key_made(p_id int, p_digest uuid) RETURNS api_keys LANGUAGE plpgsql STABLE AS $$
DECLARE
    k api_keys;
BEGIN
    SELECT * INTO k FROM api_keys
     WHERE account_id = p_id AND (digest = p_digest OR earlier_digest = p_digest);
    IF FOUND AND (k.revoked_at IS NOT NULL OR k.expires_at <= now()) THEN
        RAISE EXCEPTION 'account %: the key % that this Idempotency-Key made is not valid any more', p_id, k.id
            USING ERRCODE = 'LU006';
    END IF;
    RETURN k;
END
$$;

-- `p_allowed`: networks, joined by semicolons. Made twice, it is the same key, and nothing changes.
CREATE FUNCTION luna_key_make(p_id int, p_digest uuid, p_pepper int, p_prefix text, p_scopes int, p_not_before_ms bigint,
                              p_expires_ms bigint, p_name text, p_metadata text, p_allowed text, p_rate_per_s int,
                              p_rate_burst int, p_actor text)
    RETURNS TABLE (key_id bigint, expires_ms bigint) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    k api_keys;
    fresh bigint;
BEGIN
    PERFORM luna_account_row(p_id); -- locks it: of two that make the same key, one waits
    k := luna_key_made(p_id, p_digest);
    IF k.id IS NULL THEN
        fresh := luna_key_add(p_id, p_digest, p_prefix, p_scopes, p_not_before_ms, p_expires_ms, p_actor);
        UPDATE api_keys SET pepper_id = p_pepper, name = p_name, metadata = p_metadata::jsonb,
                            allowed = string_to_array(p_allowed, ';')::cidr[], rate_per_s = p_rate_per_s,
                            rate_burst = p_rate_burst
         WHERE id = fresh RETURNING * INTO k;
    END IF;
    RETURN QUERY SELECT k.id, luna_ms(k.expires_at);
END
$$;

-- As luna_key_replace(); made twice, it is the same key. The new one has all that the old one has
-- but its last use.
CREATE FUNCTION luna_key_renew(p_id int, p_key bigint, p_digest uuid, p_pepper int, p_prefix text, p_overlap_s bigint,
                               p_actor text)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    k api_keys;
    fresh bigint;
BEGIN
    PERFORM luna_account_row(p_id);
    k := luna_key_made(p_id, p_digest);
    IF k.id IS NOT NULL THEN
        RETURN k.id;
    END IF;
    fresh := luna_key_replace(p_id, p_key, p_digest, p_prefix, p_overlap_s, p_actor);
    UPDATE api_keys n SET pepper_id = p_pepper, name = o.name, metadata = o.metadata, allowed = o.allowed,
                          rate_per_s = o.rate_per_s, rate_burst = o.rate_burst
      FROM api_keys o WHERE n.id = fresh AND o.id = p_key;
    RETURN fresh;
END
$$;

CREATE FUNCTION luna_key_make_by(p_id int, p_digest uuid, p_pepper int, p_prefix text, p_scopes int, p_not_before_ms bigint,
                                 p_expires_ms bigint, p_name text, p_metadata text, p_allowed text, p_rate_per_s int,
                                 p_rate_burst int, p_actor text, p_maker uuid)
    RETURNS TABLE (key_id bigint, expires_ms bigint) LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_maker_check(p_id, p_maker, p_scopes, p_actor);
    PERFORM luna_key_text_check(p_digest, p_prefix);
    RETURN QUERY SELECT * FROM luna_key_make(p_id, p_digest, p_pepper, p_prefix, p_scopes, p_not_before_ms, p_expires_ms,
                                             p_name, p_metadata, p_allowed, p_rate_per_s, p_rate_burst, p_actor);
END
$$;

CREATE FUNCTION luna_key_renew_by(p_id int, p_key bigint, p_digest uuid, p_pepper int, p_prefix text, p_overlap_s bigint,
                                  p_actor text, p_maker uuid)
    RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_maker_check(p_id, p_maker, COALESCE((SELECT scopes FROM api_keys WHERE id = p_key AND account_id = p_id), 0),
                             p_actor);
    PERFORM luna_key_text_check(p_digest, p_prefix);
    IF (p_overlap_s BETWEEN 0 AND 604800) IS NOT TRUE THEN
        RAISE EXCEPTION 'an overlap of % s is outside the range 0 to 604800', p_overlap_s USING ERRCODE = 'LU004';
    END IF;
    RETURN luna_key_renew(p_id, p_key, p_digest, p_pepper, p_prefix, p_overlap_s, p_actor);
END
$$;

-- Operators make an account and its primary key under the pepper that they name.
CREATE FUNCTION luna_account_open(p_name text, p_plan text, p_limit bigint, p_digest uuid, p_pepper int, p_prefix text,
                                  p_actor text)
    RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    fresh int := luna_account_create(p_name, p_plan, p_limit, p_digest, p_prefix, p_actor);
BEGIN
    UPDATE api_keys SET pepper_id = p_pepper WHERE digest = p_digest;
    RETURN fresh;
END
$$;

CREATE FUNCTION luna_primary_renew(p_id int, p_digest uuid, p_pepper int, p_prefix text, p_overlap_s bigint, p_actor text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM luna_key_rotate(p_id, p_digest, p_prefix, p_overlap_s, p_actor);
    UPDATE api_keys SET pepper_id = p_pepper WHERE digest = p_digest;
END
$$;

DROP FUNCTION luna_key_add_by, luna_key_replace_by;
GRANT EXECUTE ON FUNCTION luna_key_make, luna_key_renew, luna_account_open, luna_primary_renew TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_key_make_by, luna_key_renew_by TO luna_worker;
GRANT EXECUTE ON FUNCTION luna_earlier_digest_life TO luna_worker, luna_syncd, luna_admin;
GRANT SELECT (name, metadata, allowed, rate_per_s, rate_burst, last_used_at, pepper_id, earlier_digest) ON api_keys TO luna_worker;

-- Peppers: their fingerprints, so that a program with a wrong one is found when it starts. No role
-- reads this table; `move_key` is derived from the pepper, so a digest can be replaced only by a
-- program that has the pepper. The ids grow: keys move to a higher one only, so that pools of which
-- some have the new pepper already do not move keys to and fro.
CREATE TABLE peppers (
    id          INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9999),
    fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 32),
    move_key    BYTEA NOT NULL CHECK (octet_length(move_key) = 32),
    since       TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- Are these the peppers that have these ids? '' if they are; else what is wrong. A new id is
-- recorded beside one that is known, or as the first of all: nobody gets a pepper recorded who has
-- none that is in use. p_previous 0: none.
CREATE FUNCTION luna_pepper_check(p_id int, p_fingerprint text, p_move_key text, p_previous int, p_previous_fingerprint text,
                                  p_previous_move_key text)
    RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    known bytea := (SELECT fingerprint FROM peppers WHERE id = p_id);
    known_previous bytea := (SELECT fingerprint FROM peppers WHERE id = p_previous);
BEGIN
    IF known <> decode(p_fingerprint, 'hex') THEN
        RETURN format('LUNA_KEY_PEPPER is not the pepper %s that this database knows', p_id);
    ELSIF known_previous <> decode(p_previous_fingerprint, 'hex') THEN
        RETURN format('LUNA_KEY_PEPPER_PREVIOUS is not the pepper %s that this database knows', p_previous);
    ELSIF known IS NOT NULL AND (known_previous IS NOT NULL OR p_previous = 0) THEN
        RETURN '';
    END IF;
    LOCK TABLE peppers IN SHARE ROW EXCLUSIVE MODE;
    IF known IS NULL AND known_previous IS NULL AND EXISTS (SELECT FROM peppers WHERE id <> p_id) THEN
        RETURN format('this database does not know pepper %s; set LUNA_KEY_PEPPER_PREVIOUS to the one that it replaces', p_id);
    END IF;
    INSERT INTO peppers (id, fingerprint, move_key)
    SELECT m.id, decode(m.fingerprint, 'hex'), decode(m.move_key, 'hex')
      FROM (VALUES (p_id, p_fingerprint, p_move_key), (p_previous, p_previous_fingerprint, p_previous_move_key))
           AS m (id, fingerprint, move_key)
     WHERE m.id <> 0
    ON CONFLICT (id) DO NOTHING;
    RETURN CASE WHEN EXISTS (SELECT FROM peppers WHERE id = p_id AND fingerprint = decode(p_fingerprint, 'hex')) THEN ''
                ELSE format('LUNA_KEY_PEPPER is not the pepper %s that this database knows', p_id) END;
END
$$;
GRANT SELECT (id, since) ON peppers TO luna_admin;
GRANT EXECUTE ON FUNCTION luna_pepper_check TO luna_worker, luna_admin;

-- What Redis noted of the use of keys: last_used_at, and the digest under the present pepper of a
-- key that was sent while it had an earlier one. A new digest has to be proved with the pepper's
-- move_key. Returns how many keys moved.
CREATE FUNCTION luna_keys_used(p_term bigint, p_actor text, p_digests uuid[], p_times_ms bigint[], p_peppers int[],
                               p_fresh uuid[], p_proofs text[])
    RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    use record;
    k api_keys;
    moved int := 0;
BEGIN
    PERFORM luna_syncd_check(p_actor);
    PERFORM luna_term_check(p_term);
    IF cardinality(p_digests) > 1000 THEN
        RAISE EXCEPTION '% keys at once', cardinality(p_digests) USING ERRCODE = 'LU004';
    END IF;
    UPDATE api_keys SET last_used_at = LEAST(luna_time(u.ms), now())
      FROM unnest(p_digests, p_times_ms) AS u(digest, ms)
     WHERE api_keys.digest = u.digest AND luna_time(u.ms) > COALESCE(last_used_at, '-infinity');
    FOR use IN SELECT u.digest, u.pepper, u.fresh
                 FROM unnest(p_digests, p_peppers, p_fresh, p_proofs) AS u(digest, pepper, fresh, proof)
                 JOIN peppers p ON p.id = u.pepper
                WHERE encode(sha256(p.move_key || convert_to(u.digest::text || u.fresh::text, 'UTF8')), 'hex') = u.proof LOOP
        UPDATE api_keys SET digest = use.fresh, pepper_id = use.pepper, earlier_digest = use.digest, moved_at = now()
         WHERE digest = use.digest AND pepper_id < use.pepper AND NOT EXISTS (SELECT FROM api_keys WHERE digest = use.fresh)
        RETURNING * INTO k;
        CONTINUE WHEN NOT FOUND;
        UPDATE accounts SET api_key = use.fresh WHERE api_key = use.digest;
        PERFORM luna_event_append(a.id, 'key_move', p_actor, a.sync_c, a.sync_r, 0, a.quota_used, a.quota_limit,
                                  format('key %s (%s…) has its digest under pepper %s', k.id, k.prefix, use.pepper), p_term)
           FROM luna_account_row(k.account_id) a;
        PERFORM luna_config_changed(k.account_id);
        moved := moved + 1;
    END LOOP;
    RETURN moved;
END
$$;
GRANT EXECUTE ON FUNCTION luna_keys_used TO luna_syncd;
