# shellcheck shell=bash
# The whole stack: starting, stopping, and whether it is running.

# In starting order; stopped in reverse.
STACK=(postgres redis quota-syncd fcgi-worker nginx)

# The limit that nginx and the workers enforce.
LUNA_BODY_BYTES_MAX=${LUNA_BODY_BYTES_MAX:-33554432}
# How the programs connect to Redis: unix, or tcp as for another machine.
LUNA_REDIS_TRANSPORT=${LUNA_REDIS_TRANSPORT:-unix}
# What the ledger is exact against: default, or strict.
LUNA_DURABILITY=${LUNA_DURABILITY:-default}
# Whether programs that end are started again.
LUNA_SUPERVISE=${LUNA_SUPERVISE:-on}
# Origins whose pages may read responses, for the workers and for nginx.
LUNA_CORS_ORIGINS=${LUNA_CORS_ORIGINS:-}
# Proxies that say in X-Forwarded-For who the client is.
LUNA_TRUSTED_PROXIES=${LUNA_TRUSTED_PROXIES:-}

stack_runs() {
  local name
  for name in "${STACK[@]}"; do
    proc_runs "$name" || return 1
  done
}

# No program has been rebuilt since it was started.
stack_is_current() {
  local name
  for name in quota-syncd fcgi-worker; do
    [ ! "$LUNA_BUILD/bin/$name" -nt "$(pid_file "$name")" ] || return 1
  done
  [ ! "$LUNA_GATEWAY_MODULE" -nt "$(pid_file nginx)" ]
}

stack_folders() {
  mkdir -p "$LUNA_VAR/run" "$LUNA_VAR/etc" "$LUNA_VAR/log"
  users_prepare
  own "$SERVICE_USER" 755 "$LUNA_VAR/log"
  own "$SERVICE_USER" 750 "$LUNA_VAR/state"
}

# Ports are chosen and bound under a lock for the whole machine, so that two stacks that start at
# the same time do not choose the same ones. The lock file is one that every user may read.
stack_start() {
  stack_start_stores
  stack_migrate
  stack_start_programs
}

# stack_start_stores: takes the lock, which stack_start_programs releases.
stack_start_stores() {
  [[ $LUNA_REDIS_TRANSPORT =~ ^(unix|tcp)$ ]] || die "LUNA_REDIS_TRANSPORT is \"$LUNA_REDIS_TRANSPORT\"; expected unix or tcp"
  [[ $LUNA_SUPERVISE =~ ^(on|off)$ ]] || die "LUNA_SUPERVISE is \"$LUNA_SUPERVISE\"; expected on or off"
  [[ $LUNA_DURABILITY =~ ^(default|strict)$ ]] || die "LUNA_DURABILITY is \"$LUNA_DURABILITY\"; expected default or strict"
  exec 9</etc/passwd
  flock -w 120 9 || die "another stack has held the start lock for two minutes"
  ports_choose
  secrets_make
  tls_make
  sockets_choose
  step "Starting PostgreSQL (port $LUNA_POSTGRES_PORT) and Redis (port $LUNA_REDIS_PORT)"
  postgres_start
  redis_start
  local user
  for user in worker syncd admin; do
    secret_write "url_redis_$user" "$(redis_program_url "$user")"
  done
  admin_env
}

stack_start_programs() {
  step "Starting quota-syncd, the worker pool and nginx (port $LUNA_HTTPS_PORT)"
  syncd_start
  worker_start
  nginx_start
  exec 9<&-
  supervisor_start
}

# supervisor_start: from now on, a program that ends is started again, unless it runs already.
supervisor_start() {
  [ "$LUNA_SUPERVISE" = on ] && ! proc_runs supervisor || return 0
  proc_start supervisor "$(id -un)" "LUNA_VAR=$LUNA_VAR" bash "$LUNA_ROOT/scripts/lib/supervise"
}

stack_migrate() {
  step "Migrating the database schema"
  quietly "$LUNA_VAR/log/migrate.log" luna_migrate
  postgres_passwords
}

stack_stop() {
  local i
  proc_stop supervisor TERM 10
  for ((i = ${#STACK[@]} - 1; i >= 0; i--)); do
    stack_stop_one "${STACK[i]}"
  done
  if [ -f "$LUNA_VAR/run/socket-folder" ]; then
    rm -rf -- "$(cat "$LUNA_VAR/run/socket-folder")"
    rm -f "$LUNA_VAR/run/socket-folder"
  fi
}

# The workers finish their requests and quota-syncd books them before the stores stop.
stack_stop_one() {
  case $1 in
    nginx) proc_stop nginx QUIT 20 ;;
    postgres) proc_stop postgres INT 30 ;;
    *) proc_stop "$1" TERM 30 ;;
  esac
}
