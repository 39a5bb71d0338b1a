# shellcheck shell=bash
# PostgreSQL and Redis of this stack: private, on loopback, with passwords.

PG_BIN=/usr/lib/postgresql/15/bin

# database_url ROLE
database_url() { printf 'postgresql://%s:%s@127.0.0.1:%s/luna' "$1" "$(secret "$1")" "$LUNA_POSTGRES_PORT"; }
# redis_url USER: owner, worker, syncd or admin; conf/redis/redis.conf says what each may do.
redis_url() { printf 'redis://luna_%s:%s@127.0.0.1:%s/0' "$1" "$(secret "redis_$1")" "$LUNA_REDIS_PORT"; }

# redis_program_url USER: the URL for a program of the service. A unix socket takes a third less CPU
# time than TCP over loopback.
redis_program_url() {
  local path=$LUNA_REDIS_SOCKET
  [ "$LUNA_REDIS_TRANSPORT" = unix ] || { redis_url "$1" && return; }
  path=${path//%/%25}
  printf 'unix://%s?user=luna_%s&password=%s' "${path//\?/%3F}" "$1" "$(secret "redis_$1")"
}

# pg_sql DATABASE: runs SQL from standard input as the superuser.
pg_sql() {
  PGPASSWORD=$(secret postgres) "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$LUNA_POSTGRES_PORT" -U postgres \
    -d "$1"
}

postgres_init() {
  local data=$LUNA_VAR/postgres password
  own "$PG_USER" 700 "$data"
  [ ! -s "$data/PG_VERSION" ] || return 0
  step "Creating a PostgreSQL cluster under $data"
  password=$(mktemp "$LUNA_VAR/run/initdb.XXXXXX")
  secret postgres >"$password"
  [ "$(id -un)" = "$PG_USER" ] || chown "$PG_USER:" "$password"
  quietly "$LUNA_VAR/log/initdb.log" as_user "$PG_USER" "$PG_BIN/initdb" -D "$data" -U postgres --pwfile="$password" \
    --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums --no-sync --no-instructions
  rm -f "$password"
}

# postgres_unlock: an init that does not reap leaves a dead postmaster, which the next one takes for
# alive by its pid file. Nothing is done while any process of the cluster runs: all of them work in
# its folder.
postgres_unlock() {
  local process
  for process in /proc/[0-9]*/cwd; do
    [ ! "$process" -ef "$LUNA_VAR/postgres" ] || return 0
  done
  rm -f "$LUNA_VAR/postgres/postmaster.pid"
}

postgres_start() {
  postgres_init
  postgres_unlock
  render "$LUNA_ROOT/conf/postgresql/postgresql.conf" LUNA_VAR LUNA_POSTGRES_PORT >"$LUNA_VAR/etc/postgresql.conf"
  cp "$LUNA_ROOT/conf/postgresql/pg_hba.conf" "$LUNA_VAR/etc/pg_hba.conf"
  proc_start postgres "$PG_USER" "$PG_BIN/postgres" -D "$LUNA_VAR/postgres" \
    -c "config_file=$LUNA_VAR/etc/postgresql.conf"
  proc_await postgres postgres_answers
  printf '%s\n' "SELECT 'CREATE DATABASE luna' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'luna') \\gexec" |
    pg_sql postgres
}

# Sets the passwords of this stack for the roles that the migrations created, and their limits.
postgres_passwords() {
  local role
  {
    # Keeps the passwords out of PostgreSQL's log.
    echo "SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;"
    for role in luna_owner luna_worker luna_syncd luna_admin; do
      printf "ALTER ROLE %s LOGIN PASSWORD '%s';\n" "$role" "$(secret "$role")"
    done
  } | pg_sql postgres
  pg_sql postgres <"$LUNA_ROOT/conf/postgresql/limits.sql"
}

# With the password of this stack, which another server on the port would reject.
postgres_answers() { pg_sql postgres <<<'SELECT 1'; }

# redis_durability: a filter for redis.conf, for LUNA_DURABILITY=strict.
redis_durability() {
  [ "$LUNA_DURABILITY" = strict ] || { cat && return; }
  sed 's/^appendfsync .*/appendfsync always/; s/^user luna_syncd .*/& +config|get/'
}

redis_start() {
  local conf=$LUNA_VAR/etc/redis.conf user
  for user in owner worker syncd admin; do
    local "LUNA_REDIS_${user^^}=$(secret_sha256 "redis_$user")"
  done
  own "$SERVICE_USER" 700 "$LUNA_VAR/redis"
  (umask 077 && render "$LUNA_ROOT/conf/redis/redis.conf" LUNA_VAR LUNA_REDIS_PORT LUNA_REDIS_SOCKET \
    LUNA_REDIS_OWNER LUNA_REDIS_WORKER LUNA_REDIS_SYNCD LUNA_REDIS_ADMIN | redis_durability >"$conf")
  [ "$(id -un)" = "$SERVICE_USER" ] || chown "$SERVICE_USER:" "$conf"
  proc_start redis "$SERVICE_USER" redis-server "$conf"
  proc_await redis redis_answers
}

redis_answers() {
  [ "$(REDISCLI_AUTH=$(secret redis_owner) timeout 10 redis-cli --user luna_owner -h 127.0.0.1 -p "$LUNA_REDIS_PORT" ping)" = PONG ]
}
