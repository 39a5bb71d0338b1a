#!/bin/sh
# pgbouncer with the passwords from setup.sh. Session pooling, because the programs prepare
# statements and set limits per session.
set -eu
umask 077
for role in luna_worker luna_admin; do
  printf '"%s" "%s"\n' "$role" "$(cat "/run/secrets/$role")"
done >/tmp/users.txt
cat >/tmp/pgbouncer.ini <<INI
[databases]
luna = host=postgres port=5432 dbname=luna
[pgbouncer]
listen_addr = 0.0.0.0
listen_port = 6432
auth_type = scram-sha-256
auth_file = /tmp/users.txt
pool_mode = session
max_client_conn = 1000
default_pool_size = 40
server_idle_timeout = 60
ignore_startup_parameters = extra_float_digits,options
INI
exec pgbouncer /tmp/pgbouncer.ini
