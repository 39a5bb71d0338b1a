-- compatible-from: 0018

-- The programs' roles store nothing of their own: PostgreSQL lets every role write large objects
-- and temporary tables unless that is revoked, and a stolen password could fill the disk. Only a
-- superuser may revoke it, so a migration by another role leaves it as it is.
DO $$
DECLARE
    writes record;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE NOTICE 'large objects and temporary tables are not revoked: this is no superuser';
        RETURN;
    END IF;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO luna_owner', current_database());
    FOR writes IN SELECT oid::regprocedure AS name FROM pg_proc
                   WHERE pronamespace = 'pg_catalog'::regnamespace AND (proname LIKE 'lo\_%' OR proname = 'lowrite') LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', writes.name);
    END LOOP;
END
$$;

SET LOCAL ROLE luna_owner;
