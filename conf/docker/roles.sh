# shellcheck shell=bash
# Sourced by the PostgreSQL image when it creates its cluster: creates the roles of the programs,
# with the passwords from setup.sh and their limits. The first migration grants their privileges.
# The settings in each session keep the password out of PostgreSQL's log.
for role in luna_worker luna_syncd luna_admin; do
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<SQL
SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;
CREATE ROLE $role LOGIN PASSWORD '$(cat "/run/secrets/$role")';
SQL
done
psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f /etc/luna/limits.sql
