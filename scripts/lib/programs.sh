# shellcheck shell=bash
# The programs of the service and nginx: how they are built, configured and started.

# A shell in which `. var/admin.env` was run has these; each program of the stack gets its own.
unset LUNA_DATABASE_URL LUNA_DATABASE_URL_FILE LUNA_REDIS_URL LUNA_REDIS_URL_FILE LUNA_KEY_PEPPER LUNA_KEY_PEPPER_FILE \
  LUNA_MONITOR_LISTEN LUNA_METRICS_LISTEN

# build_configure: once; ninja detects later changes to the CMake files.
build_configure() {
  mkdir -p "$LUNA_VAR/log"
  [ ! -f "$LUNA_BUILD/build.ninja" ] || return 0
  local launcher=()
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  step "Configuring the $LUNA_PRESET build"
  (cd "$LUNA_ROOT" && quietly "$LUNA_VAR/log/cmake-$LUNA_PRESET.log" build_locked cmake --preset "$LUNA_PRESET" "${launcher[@]}")
}

# build_locked CMD…: one at a time per preset. ninja has no lock, and two builds of the same file
# corrupt each other.
build_locked() {
  mkdir -p "$LUNA_ROOT/build"
  flock -w 1800 "$LUNA_BUILD.lock" "$@"
}

# build_programs TARGET…: builds what is out of date.
build_programs() {
  build_configure
  step "Building $*"
  quietly "$LUNA_VAR/log/build-$LUNA_PRESET.log" build_locked cmake --build "$LUNA_BUILD" -- "$@"
}

# The pages under /docs and /redoc come from npm packages, and are optional: scripts/web says why
# they are not built. The description of the API needs python3-yaml alone.
build_web() {
  if ! /usr/bin/python3 -c 'import yaml' 2>/dev/null; then
    say "    /docs, /redoc and /openapi.json are not built: they need the package python3-yaml"
    return 0
  fi
  step "Building the documentation pages"
  quietly "$LUNA_VAR/log/web.log" "$LUNA_ROOT/scripts/web" || warn "/docs, /redoc and /openapi.json are not up to date"
  sed -n 's/^\(.* not built: .*\)/    \1/p' "$LUNA_VAR/log/web.log"
}

# admin_env: writes the settings of the luna program for this stack (`luna --help` lists them).
admin_env() {
  secret_write url_admin "$(database_url luna_admin)"
  cat >"$LUNA_VAR/admin.env" <<ENV
# Written by scripts/up, for the luna program:  . ${LUNA_VAR#"$LUNA_ROOT"/}/admin.env
export LUNA_DATABASE_URL_FILE="$(secret_file url_admin)"
export LUNA_REDIS_URL_FILE="$(secret_file url_redis_admin)"
$(sed 's/^\([^=]*\)=\(.*\)/export \1="\2"/' "$(pepper_env)")
export LUNA_MONITOR_LISTEN=127.0.0.1:$LUNA_MONITOR_PORT
export LUNA_METRICS_LISTEN=127.0.0.1:$LUNA_SYNCD_METRICS_PORT
ENV
}

# luna ARG…: runs the operator's tool on this stack.
luna() (
  . "$LUNA_VAR/admin.env"
  exec "$LUNA_BUILD/bin/luna" "$@"
)

# luna_migrate: as the superuser of this private cluster, because the first migration creates roles.
luna_migrate() {
  LUNA_DATABASE_URL=$(database_url postgres) "$LUNA_BUILD/bin/luna" migrate up
}

# program_env PROGRAM LINE…: writes its settings file, which it reloads on SIGHUP. Only its user
# reads it, because an operator may add a secret to it.
program_env() {
  local file=$LUNA_VAR/etc/$1.env
  shift
  (
    umask 077
    {
      printf '# Written by scripts/up. --help of the program lists every setting.\n'
      printf '%s\n' "$@"
    } >"$file.new"
  )
  [ "$(id -un)" = "$SERVICE_USER" ] || chown "$SERVICE_USER:" "$file.new"
  mv "$file.new" "$file"
}

syncd_start() {
  secret_write url_syncd "$(database_url luna_syncd)"
  program_env quota-syncd \
    "LUNA_DATABASE_URL_FILE=$(secret_file url_syncd)" \
    "LUNA_REDIS_URL_FILE=$(secret_file url_redis_syncd)" \
    "LUNA_STATE_DIR=$LUNA_VAR/state" \
    "LUNA_METRICS_LISTEN=127.0.0.1:$LUNA_SYNCD_METRICS_PORT" \
    "LUNA_DURABILITY=$LUNA_DURABILITY" \
    "LUNA_SYNC_INTERVAL_MS=${LUNA_SYNC_INTERVAL_MS:-1000}" \
    "LUNA_SANDBOX=${LUNA_SANDBOX:-errno}" \
    "LUNA_LOG_FORMAT=${LUNA_LOG_FORMAT:-json}" \
    "LUNA_LOG_LEVEL=${LUNA_LOG_LEVEL:-info}"
  proc_start quota-syncd "$SERVICE_USER" "LUNA_ENV_FILE=$LUNA_VAR/etc/quota-syncd.env" "$LUNA_BUILD/bin/quota-syncd"
  proc_await quota-syncd curl -fsS -m 2 "http://127.0.0.1:$LUNA_SYNCD_METRICS_PORT/readyz"
}

worker_start() {
  local peppers
  mapfile -t peppers <"$(pepper_env)"
  secret_write url_worker "$(database_url luna_worker)"
  program_env fcgi-worker \
    "LUNA_WORKER_SOCKET=$LUNA_WORKER_SOCKET" \
    "LUNA_SOCKET_PEERS=$GATEWAY_USER" \
    "LUNA_WORKERS=${LUNA_WORKERS:-4}" \
    "LUNA_DATABASE_URL_FILE=$(secret_file url_worker)" \
    "LUNA_REDIS_URL_FILE=$(secret_file url_redis_worker)" \
    "${peppers[@]}" \
    "LUNA_STATE_DIR=$LUNA_VAR/state" \
    "LUNA_MONITOR_LISTEN=127.0.0.1:$LUNA_MONITOR_PORT" \
    "LUNA_DURABILITY=$LUNA_DURABILITY" \
    "LUNA_BODY_BYTES_MAX=$LUNA_BODY_BYTES_MAX" \
    "LUNA_CORS_ORIGINS=$LUNA_CORS_ORIGINS" \
    "LUNA_SANDBOX=${LUNA_SANDBOX:-errno}" \
    "LUNA_LOG_FORMAT=${LUNA_LOG_FORMAT:-json}" \
    "LUNA_LOG_LEVEL=${LUNA_LOG_LEVEL:-info}"
  proc_start fcgi-worker "$SERVICE_USER" "LUNA_ENV_FILE=$LUNA_VAR/etc/fcgi-worker.env" "$LUNA_BUILD/bin/fcgi-worker"
  proc_await fcgi-worker curl -fsS -m 2 "http://127.0.0.1:$LUNA_MONITOR_PORT/readyz"
}

# The path of a unix socket is limited to 107 bytes. If LUNA_VAR is too long for that, the sockets
# go to a temporary folder under /tmp, which scripts/down removes. nginx may enter the folder of the
# workers' socket, which gets the folder's group (setgid) and mode 0660; Redis has a folder of its
# own.
sockets_choose() {
  local folder=$LUNA_VAR/run/worker
  if [ ${#folder} -gt 84 ]; then
    folder=$(mktemp -d /tmp/luna.XXXXXX)
    printf '%s\n' "$folder" >"$LUNA_VAR/run/socket-folder"
  fi
  own "$SERVICE_USER" 750 "$folder"
  chgrp "$(id -g "$GATEWAY_USER")" "$folder"
  chmod 2750 "$folder"
  own "$SERVICE_USER" 700 "$folder/redis"
  LUNA_WORKER_SOCKET=$folder/worker.sock
  # shellcheck disable=SC2034 # for render and redis_program_url
  LUNA_REDIS_SOCKET=$folder/redis/redis.sock
}

NGINX_NAMES=(LUNA_VAR LUNA_ERROR_LOG LUNA_GATEWAY_MODULE LUNA_HTTPS_LISTEN LUNA_MONITOR_PORT LUNA_BODY_BYTES_MAX
  LUNA_CORS_ORIGINS LUNA_WORKER_SOCKET LUNA_FASTCGI_READ_TIMEOUT_S LUNA_WEB_ROOT LUNA_REAL_IP_FROM
  LUNA_GATEWAY_METRICS_LISTEN)
# shellcheck disable=SC2034 # for render
LUNA_GATEWAY_MODULE=$LUNA_BUILD/lib/ngx_http_luna_source_module.so

nginx_start() {
  local prefix=$LUNA_VAR/nginx file
  # Above the time limit of a worker (LUNA_REQUEST_TIMEOUT_MS + LUNA_HARD_LIMIT_GRACE_MS).
  # shellcheck disable=SC2034 # for render
  local LUNA_ERROR_LOG=stderr LUNA_HTTPS_LISTEN=127.0.0.1:$LUNA_HTTPS_PORT LUNA_FASTCGI_READ_TIMEOUT_S=14 LUNA_WEB_ROOT=$LUNA_ROOT/build/web/site
  # shellcheck disable=SC2034 # for render
  local LUNA_GATEWAY_METRICS_LISTEN=127.0.0.1:$LUNA_GATEWAY_METRICS_PORT
  local proxy LUNA_REAL_IP_FROM=''
  for proxy in ${LUNA_TRUSTED_PROXIES//,/ }; do
    LUNA_REAL_IP_FROM+="set_real_ip_from $proxy;"
  done
  own "$GATEWAY_USER" 755 "$prefix" "$prefix/tmp"
  # The folder of the logs is the other programs'.
  touch "$LUNA_VAR/log/access.log" "$LUNA_VAR/log/nginx.log"
  [ "$(id -un)" = "$GATEWAY_USER" ] || chown "$GATEWAY_USER:" "$LUNA_VAR/log/access.log" "$LUNA_VAR/log/nginx.log"
  for file in "$LUNA_ROOT"/conf/nginx/*.conf; do
    render "$file" "${NGINX_NAMES[@]}" >"$prefix/${file##*/}"
  done
  proc_start nginx "$GATEWAY_USER" nginx -p "$prefix" -c "$prefix/nginx.conf" -e "$LUNA_VAR/log/nginx.log"
  proc_await nginx curl -fsS -m 2 --cacert "$LUNA_VAR/tls/ca.crt" "https://127.0.0.1:$LUNA_HTTPS_PORT/livez"
}
