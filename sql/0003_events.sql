SET LOCAL ROLE luna_owner;

-- The audit log: every change of every quota, written in the transaction that makes the change, and
-- never changed afterwards (I6 of docs/QUOTA.md).
CREATE TABLE quota_events (
    account_id   INTEGER NOT NULL,
    seq          BIGINT NOT NULL,      -- 1, 2, 3 … per account
    at           TIMESTAMPTZ NOT NULL,
    kind         TEXT NOT NULL,
    actor        TEXT NOT NULL,
    epoch        BIGINT NOT NULL,
    period_no    BIGINT NOT NULL,
    from_c       BIGINT NOT NULL,
    to_c         BIGINT NOT NULL,
    from_r       BIGINT NOT NULL,
    to_r         BIGINT NOT NULL,
    delta        BIGINT NOT NULL,      -- units charged (negative: refunded)
    used_before  INTEGER NOT NULL,
    used_after   INTEGER NOT NULL,
    limit_before INTEGER NOT NULL,
    limit_after  INTEGER NOT NULL,
    reason       TEXT NOT NULL,
    term         BIGINT NOT NULL,      -- of the quota-syncd that wrote it; 0: another program
    hash         BYTEA NOT NULL
) PARTITION BY RANGE (at);
-- Not unique: a unique index of a partitioned table has to contain `at`. The chain of hashes proves
-- that seq has no gap and no duplicate.
CREATE INDEX quota_events_account ON quota_events (account_id, seq);
-- For rows outside every monthly partition, so that a wrong clock cannot stop the ledger.
CREATE TABLE quota_events_rest PARTITION OF quota_events DEFAULT;

CREATE FUNCTION luna_events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'quota_events is append-only: % refused', TG_OP USING ERRCODE = 'LU007';
END
$$;
CREATE TRIGGER quota_events_final BEFORE UPDATE OR DELETE ON quota_events
    FOR EACH ROW EXECUTE FUNCTION luna_events_are_final();
CREATE TRIGGER quota_events_no_truncate BEFORE TRUNCATE ON quota_events
    FOR EACH STATEMENT EXECUTE FUNCTION luna_events_are_final();
CREATE TRIGGER quota_events_no_truncate BEFORE TRUNCATE ON quota_events_rest
    FOR EACH STATEMENT EXECUTE FUNCTION luna_events_are_final();

-- Monthly partitions from this month to `months` ahead. Created apart and attached, which needs no
-- exclusive lock.
CREATE FUNCTION luna_events_partitions(months int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    first timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
    from_at timestamptz;
    to_at timestamptz;
    part text;
    made int := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('luna_events_partitions'));
    FOR ahead IN 0 .. months LOOP
        from_at := (first + make_interval(months => ahead)) AT TIME ZONE 'UTC';
        to_at := (first + make_interval(months => ahead + 1)) AT TIME ZONE 'UTC';
        part := 'quota_events_' || to_char(from_at AT TIME ZONE 'UTC', 'YYYYMM');
        CONTINUE WHEN to_regclass('public.' || part) IS NOT NULL;
        -- A month with rows in the rest cannot have a partition any more; that is rare, and reading
        -- works as well.
        CONTINUE WHEN EXISTS (SELECT FROM public.quota_events_rest r WHERE r.at >= from_at AND r.at < to_at);
        EXECUTE format('CREATE TABLE public.%I (LIKE public.quota_events INCLUDING ALL)', part);
        EXECUTE format('ALTER TABLE public.quota_events ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                       part, from_at, to_at);
        EXECUTE format('CREATE TRIGGER quota_events_no_truncate BEFORE TRUNCATE ON public.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION luna_events_are_final()', part);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
SELECT luna_events_partitions(3);

-- Units per account and day of the booking (UTC), so that the history needs no reading of the log.
CREATE TABLE quota_daily (
    account_id INTEGER NOT NULL,
    day        DATE NOT NULL,
    units      BIGINT NOT NULL,
    PRIMARY KEY (account_id, day)
) WITH (fillfactor = 70);

-- The length stands before each text, so that two different rows never have the same bytes.
CREATE FUNCTION luna_event_hash(prev bytea, account_id int, seq bigint, at timestamptz, kind text, actor text, epoch bigint,
                                period_no bigint, from_c bigint, to_c bigint, from_r bigint, to_r bigint, delta bigint,
                                used_before int, used_after int, limit_before int, limit_after int, reason text, term bigint)
    RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(prev || convert_to(concat_ws('|', account_id, seq, (extract(epoch FROM at) * 1000000)::bigint,
        octet_length(kind), kind, octet_length(actor), actor, epoch, period_no, from_c, to_c, from_r, to_r, delta,
        used_before, used_after, limit_before, limit_after, octet_length(reason), reason, term), 'UTF8'))
$$;

-- The current incarnation of Redis, in one row. Every lower number is fenced.
CREATE TABLE redis_incarnation (
    only_row    BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
    incarnation BIGINT NOT NULL,
    run_id      TEXT NOT NULL,
    since       TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO redis_incarnation (incarnation, run_id) VALUES (0, '');

CREATE TABLE syncd_leader (
    only_row BOOLEAN PRIMARY KEY DEFAULT true CHECK (only_row),
    term     BIGINT NOT NULL,
    name     TEXT NOT NULL,
    since    TIMESTAMPTZ NOT NULL DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO syncd_leader (term, name) VALUES (0, '');

-- Accounts whose configuration has to be delivered to Redis. Delivery deletes the row.
CREATE TABLE config_outbox (
    id         BIGSERIAL PRIMARY KEY,
    account_id INTEGER NOT NULL
);

-- Journal directories: every pool of workers and every quota-syncd registers its own. A recovery
-- reads one of them, which is complete when it is the only one.
CREATE TABLE journal_hosts (
    name       text PRIMARY KEY CHECK (name ~ '^w[0-9a-f]{8}$'),
    first_seen timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);
