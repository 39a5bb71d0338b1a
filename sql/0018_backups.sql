-- compatible-from: 0017

SET LOCAL ROLE luna_owner;

-- When the last backups were taken, as the command that made and checked each one noted it. For
-- quota-syncd's metric, from which the alert on a missing backup is made.
CREATE TABLE backups (
    taken_at TIMESTAMPTZ PRIMARY KEY,
    bytes    BIGINT NOT NULL CHECK (bytes > 0)
);

-- Called by the owner, as which a backup is made.
CREATE FUNCTION luna_backup_note(p_taken_at timestamptz, p_bytes bigint)
    RETURNS void LANGUAGE sql SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO backups (taken_at, bytes) VALUES (p_taken_at, p_bytes) ON CONFLICT (taken_at) DO NOTHING;
    DELETE FROM backups WHERE taken_at NOT IN (SELECT b.taken_at FROM backups b ORDER BY b.taken_at DESC LIMIT 100);
$$;

-- Seconds since 1970; 0 when there is none.
CREATE FUNCTION luna_backup_last()
    RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT COALESCE(extract(epoch FROM max(taken_at)), 0)::bigint FROM backups;
$$;
GRANT EXECUTE ON FUNCTION luna_backup_last() TO luna_syncd;
