SET LOCAL ROLE luna_owner;

CREATE TABLE plans (
    name           TEXT PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    rate_per_s     INTEGER NOT NULL CHECK (rate_per_s BETWEEN 1 AND 1000000),
    rate_burst     INTEGER NOT NULL CHECK (rate_burst BETWEEN 1 AND 1000000),
    quota_limit    INTEGER CHECK (quota_limit >= 0),                 -- NULL: accounts keep their own
    quota_period   TEXT NOT NULL DEFAULT 'none' CHECK (quota_period IN ('none', 'day', 'month')),
    points_max     BIGINT NOT NULL DEFAULT 0 CHECK (points_max >= 0),      -- observations per request; 0: no limit
    concurrent_max INTEGER NOT NULL DEFAULT 0 CHECK (concurrent_max >= 0), -- requests at once; 0: no limit
    created_at     TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at     TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO plans (name, rate_per_s, rate_burst, quota_limit, quota_period, points_max, concurrent_max) VALUES
    ('standard', 50, 100, NULL, 'none', 0, 0),
    ('daily', 20, 40, 1000, 'day', 100000, 4),
    ('monthly', 100, 200, 100000, 'month', 0, 16);

-- The first seven columns are those of the original design. A booking rewrites the row, so pages
-- keep space for HOT updates.
CREATE TABLE accounts (
    id           SERIAL PRIMARY KEY,
    account_name VARCHAR(255) UNIQUE NOT NULL,
    api_key      UUID UNIQUE NOT NULL, -- keyed digest of the primary key, never the key: see api_keys
    quota_limit  INTEGER NOT NULL DEFAULT 500,
    quota_used   INTEGER NOT NULL DEFAULT 0,
    created_at   TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,
    updated_at   TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP,

    plan           TEXT NOT NULL DEFAULT 'standard' REFERENCES plans (name),
    config_version BIGINT NOT NULL DEFAULT 1, -- grows with every change to deliver to Redis: limit, plan, keys, disabled
    disabled_at    TIMESTAMPTZ,

    -- The watermark. An epoch is one lifetime of the account's counters in Redis; c and r count
    -- what was charged and refunded in it. Invariant (I4 of docs/QUOTA.md): quota_used = epoch_base
    -- + (sync_c - period_c) - (sync_r - period_r).
    quota_epoch  BIGINT NOT NULL DEFAULT 0,
    epoch_open   BOOLEAN NOT NULL DEFAULT false,
    epoch_base   INTEGER NOT NULL DEFAULT 0,
    sync_c       BIGINT NOT NULL DEFAULT 0,
    sync_r       BIGINT NOT NULL DEFAULT 0,
    period_c     BIGINT NOT NULL DEFAULT 0, -- sync_c and sync_r at the start of the current period, within this epoch
    period_r     BIGINT NOT NULL DEFAULT 0,
    period_no    BIGINT NOT NULL DEFAULT 0,
    period_start TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP,
    period_end   TIMESTAMPTZ,               -- NULL: the quota has no period

    chain_seq  BIGINT NOT NULL DEFAULT 0,   -- the last event of the account
    chain_hash BYTEA NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000'
) WITH (fillfactor = 60);

-- Every key the account ever had, as a UUIDv8 of its HMAC-SHA-256 under the workers' pepper: a
-- stolen dump gives no access.
CREATE TABLE api_keys (
    id         BIGSERIAL PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id),
    digest     UUID UNIQUE NOT NULL,
    prefix     CHAR(8) NOT NULL, -- the first characters of the key itself, to tell keys apart
    scopes     INTEGER NOT NULL CHECK (scopes BETWEEN 1 AND 7),
    not_before TIMESTAMPTZ,
    expires_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    expiry_logged BOOLEAN NOT NULL DEFAULT false, -- the audit log has the event
    created_at TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX api_keys_account ON api_keys (account_id);
CREATE INDEX api_keys_expiry ON api_keys (expires_at) WHERE NOT expiry_logged;

-- Every live key is a field of the account's hash in Redis, and all are sent at each change: their
-- number is limited.
CREATE FUNCTION luna_keys_limit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM api_keys k
         WHERE k.account_id = NEW.account_id AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > now())) >= 40 THEN
        RAISE EXCEPTION 'account % has 40 live keys', NEW.account_id
            USING ERRCODE = 'LU006', HINT = 'revoke one that is not in use';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER api_keys_limit BEFORE INSERT ON api_keys FOR EACH ROW EXECUTE FUNCTION luna_keys_limit();

-- The end of the period that contains `start`, always in UTC.
CREATE FUNCTION luna_period_end(kind text, start timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE kind
               WHEN 'day' THEN (date_trunc('day', start AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC'
               WHEN 'month' THEN (date_trunc('month', start AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC'
           END
$$;

CREATE FUNCTION luna_ms(at timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT COALESCE((extract(epoch FROM at) * 1000)::bigint, 0)
$$;

CREATE FUNCTION luna_time(ms bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN ms > 0 THEN to_timestamp(ms / 1000) + (ms % 1000) * interval '1 millisecond' END
$$;
