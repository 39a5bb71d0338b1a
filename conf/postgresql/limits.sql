-- How many connections each role of the service may hold, of max_connections (100), so that one
-- program's password cannot shut out the others: a worker process needs two, quota-syncd two, luna
-- one. Set by scripts/up, luna-setup and the containers where a role has no limit yet; one that was
-- set by hand is kept. For larger pools raise both, for example with
-- ALTER ROLE luna_worker CONNECTION LIMIT 200.
SELECT format('ALTER ROLE %I CONNECTION LIMIT %s', name, most)
  FROM (VALUES ('luna_worker', 64), ('luna_syncd', 8), ('luna_admin', 20)) AS l (name, most)
  JOIN pg_roles ON rolname = name AND rolconnlimit = -1 \gexec
