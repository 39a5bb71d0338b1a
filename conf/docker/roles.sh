# shellcheck shell=bash
# Sourced by the PostgreSQL image when it creates its cluster: creates the roles of the programs,
# with the passwords from setup.sh and their limits. The migrations grant their privileges. A dump
# that is loaded into a new cluster has neither the owner of its tables nor what is granted on the
# database. The settings in each session keep the password out of PostgreSQL's log.
for role in luna_worker luna_syncd luna_admin; do
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<SQL
SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;
CREATE ROLE $role LOGIN PASSWORD '$(cat "/run/secrets/$role")';
SQL
done
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<SQL
CREATE ROLE luna_owner NOLOGIN;
REVOKE TEMPORARY ON DATABASE "$POSTGRES_DB" FROM PUBLIC;
GRANT TEMPORARY ON DATABASE "$POSTGRES_DB" TO luna_owner;
SQL
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f /etc/luna/limits.sql
