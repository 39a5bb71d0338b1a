# shellcheck shell=bash
# The whole stack: in which order it starts and stops, and whether it runs.

# In the order of starting; stopped from the last to the first.
STACK=(postgres redis quota-syncd fcgi-worker nginx)

# What the programs keep to and nginx says aloud.
LUNA_BODY_BYTES_MAX=${LUNA_BODY_BYTES_MAX:-33554432}
# How they reach Redis: unix, or tcp as they would another machine's.
LUNA_REDIS_TRANSPORT=${LUNA_REDIS_TRANSPORT:-unix}
# Whose pages may read answers: the workers' and nginx's own.
LUNA_CORS_ORIGINS=${LUNA_CORS_ORIGINS:-}

stack_runs() {
  local name
  for name in "${STACK[@]}"; do
    proc_runs "$name" || return 1
  done
}

# Has a program been rebuilt since it was started?
stack_is_current() {
  local name
  for name in quota-syncd fcgi-worker; do
    [ ! "$LUNA_BUILD/bin/$name" -nt "$(pid_file "$name")" ] || return 1
  done
}

stack_folders() {
  mkdir -p "$LUNA_VAR/run" "$LUNA_VAR/etc" "$LUNA_VAR/log"
  users_prepare
  own "$SERVICE_USER" 755 "$LUNA_VAR/log"
  own "$SERVICE_USER" 750 "$LUNA_VAR/state"
}

# Ports are chosen and taken under one lock for the whole machine, so that two stacks that start
# together do not choose alike. The lock is on a file that every user may read and nobody writes.
stack_start() {
  stack_start_stores
  stack_migrate
  stack_start_programs
}

# stack_start_stores: leaves the lock to stack_start_programs.
stack_start_stores() {
  [[ $LUNA_REDIS_TRANSPORT =~ ^(unix|tcp)$ ]] || die "LUNA_REDIS_TRANSPORT is \"$LUNA_REDIS_TRANSPORT\"; it has to be unix or tcp"
  exec 9</etc/passwd
  flock -w 120 9 || die "another stack has been starting for two minutes"
  ports_choose
  secrets_make
  tls_make
  sockets_choose
  step "Starting PostgreSQL (port $LUNA_POSTGRES_PORT) and Redis (port $LUNA_REDIS_PORT)"
  postgres_start
  redis_start
  secret_write url_redis "$(redis_program_url)"
  admin_env
}

stack_start_programs() {
  step "Starting quota-syncd, the worker pool and nginx (port $LUNA_HTTPS_PORT)"
  syncd_start
  worker_start
  nginx_start
  exec 9<&-
}

stack_migrate() {
  step "Bringing the database's schema up to date"
  quietly "$LUNA_VAR/log/migrate.log" luna_migrate
  postgres_passwords
}

stack_stop() {
  local i
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
