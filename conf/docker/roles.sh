# shellcheck shell=bash
# Sourced by PostgreSQL's own image when it makes its cluster: the programs' roles, with the
# passwords that setup.sh drew. The first migration finds them there and gives them their rights.
for role in luna_worker luna_syncd luna_admin; do
  psql -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<SQL
CREATE ROLE $role LOGIN PASSWORD '$(cat "/run/secrets/$role")';
SQL
done
