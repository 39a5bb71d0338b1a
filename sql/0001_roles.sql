-- Roles, each with the permissions it needs and no others. They get no password here: the operator
-- sets one, or lets them in by peer authentication. Roles belong to the whole cluster, so another
-- database of the same cluster may have created them already.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['luna_owner', 'luna_worker', 'luna_syncd', 'luna_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I %s', role_name, CASE role_name WHEN 'luna_owner' THEN 'NOLOGIN' ELSE 'LOGIN' END);
        END IF;
    END LOOP;
    -- Everything below is owned by luna_owner, not by the role that migrates: the functions that
    -- the other roles may call run with their owner's rights, which must not be a superuser's.
    IF NOT pg_has_role(current_user, 'luna_owner', 'MEMBER') THEN
        EXECUTE format('GRANT luna_owner TO %I', current_user);
    END IF;
    IF current_user <> 'luna_owner' THEN
        GRANT USAGE, CREATE ON SCHEMA public TO luna_owner;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO luna_worker, luna_syncd, luna_admin', current_database());
END
$$;

SET LOCAL ROLE luna_owner;
ALTER DEFAULT PRIVILEGES FOR ROLE luna_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
