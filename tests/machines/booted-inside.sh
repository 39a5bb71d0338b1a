#!/usr/bin/env bash
# What happens on the booted machine; called by booted.sh. Each function is one test.
set -euo pipefail

# await CMD…: for a minute, or AWAIT_S.
await() {
  local i
  for ((i = 0; i < ${AWAIT_S:-60} * 10; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "not within ${AWAIT_S:-60} s: $*" >&2
  systemctl --no-pager --failed >&2
  return 1
}

settings() {
  set -a
  . /etc/luna/luna.env
  [ ! -e /etc/luna/demo.env ] || . /etc/luna/demo.env
  set +a
}

request() {
  settings
  curl -fsS -m 10 --cacert /etc/luna/tls/ca.crt "https://127.0.0.1:8443/api/v1/$LUNA_ACCOUNT_ID/kalman" \
    -H "X-API-Key: $LUNA_API_KEY" -H 'Content-Type: application/json' -d '{"results":[1120,1160,963,1210]}'
}

serves() { request && luna health; }

set_up() {
  local answer
  await systemctl is-active postgresql@15-main.service
  luna-setup
  settings
  answer=$(luna account create demo --json)
  printf 'LUNA_ACCOUNT_ID=%s\nLUNA_API_KEY=%s\n' "$(sed -n 's/.*"id": \([0-9]*\).*/\1/p' <<<"$answer")" \
    "$(sed -n 's/.*"api_key": "\([^"]*\)".*/\1/p' <<<"$answer")" >/etc/luna/demo.env
  await serves
}

set_up_later() {
  luna-setup
  await serves
}

main_pid() { systemctl show --property MainPID --value "$1"; }

has_another_pid() { [ "$(main_pid "$1")" -gt 0 ] && [ "$(main_pid "$1")" != "$2" ]; }

# kill_once UNIT: its first process by SIGKILL; returns when systemd has started another one.
kill_once() {
  local pid
  await systemctl is-active "$1"
  pid=$(main_pid "$1")
  [ "$pid" -gt 0 ]
  kill -KILL "$pid"
  request >/dev/null 2>&1 || true
  await has_another_pid "$1" "$pid"
}

# killed UNIT: seven times in a row, which is more than systemd allows by default; then all parts
# work again without any help. After the fastest of three single kills, that takes at most BACK_MS:
# an instant of a busy machine does not decide.
killed() {
  local i began took best='' BACK_MS=5000
  for ((i = 0; i < 7; i++)); do
    kill_once "$1"
  done
  await serves
  for ((i = 0; i < 3; i++)); do
    began=$(date +%s%N)
    kill_once "$1"
    await serves
    took=$((($(date +%s%N) - began) / 1000000))
    echo "$1 killed: everything works again after $took ms"
    [ -n "$best" ] && [ "$best" -le "$took" ] || best=$took
  done
  [ "$best" -le "$BACK_MS" ]
}

# While a setting is invalid, requests come in by the hundred; the pool works again as soon as the
# setting is valid, without a command.
invalid_setting() {
  local i
  cp /etc/luna/worker-main.env /etc/luna/worker-main.env.valid
  echo 'LUNA_WORKERS=many' >>/etc/luna/worker-main.env
  systemctl restart luna-worker@main.service || true
  for ((i = 0; i < 100; i++)); do
    curl -s -o /dev/null -m 0.2 --cacert /etc/luna/tls/ca.crt https://127.0.0.1:8443/readyz || true
  done
  systemctl is-active luna-worker@main.socket
  cp /etc/luna/worker-main.env.valid /etc/luna/worker-main.env
  await serves
}

# As docs/OPERATIONS.md says for a restore: the requests that go on do not start the pool.
stopped_for_a_restore() {
  local i
  systemctl stop luna-worker@main.socket
  for ((i = 0; i < 20; i++)); do
    request >/dev/null 2>&1 || true
  done
  ! systemctl is-active luna-worker@main.service && ! systemctl is-active luna-worker@main.socket
  systemctl start luna-worker@main.socket luna-worker@main.service
  await serves
}

# guide NAME: the lines of docs/GUIDES.md, OPERATIONS.md or SCALING.md below the mark "test: NAME".
guide() {
  awk -v mark="<!-- test: $1 -->" '$0 == mark { on = 1; next } on && /^    / { print substr($0, 5); found = 1; next } on && found { exit } END { exit !found }' \
    /opt/luna/GUIDES.md /opt/luna/OPERATIONS.md /opt/luna/SCALING.md
}

run_guide() { guide "$1" | bash -eux; }

requests_are() { [ "$(wc -l </var/log/luna/access.log)" -ge "$1" ]; }

# fenced_only REPORT: all failures are 503, and few of the requests failed: the previous release's
# quota-syncd fences Redis when it finds other scripts there.
fenced_only() {
  local failed
  failed=$(awk '/^Non-2xx/ { print $3 }' "$1")
  ! grep -q apr_ "$1" && [ "${failed:-0}" -le $((REQUESTS_MIN / 50)) ] &&
    ! tail -n "+$((before + 1))" /var/log/luna/access.log | grep -vE '"status":(200|503)'
}

# under_load CMD…: while clients ask without a pause, each time with a new connection; none of at
# least REQUESTS_MIN requests may fail, or only as FAILURES, a function, allows.
under_load() {
  local report=/tmp/load.txt client wanted=${REQUESTS_MIN:-500} before
  before=$(wc -l </var/log/luna/access.log)
  settings
  luna plan set load --rate 100000 --burst 100000 --concurrent-max 0 --compute 0 >/dev/null
  luna account set-plan demo load >/dev/null
  luna account set-limit demo 100000000 >/dev/null
  echo '{"results":[1120,1160,963,1210]}' >/tmp/body.json
  ab -q -l -s 30 -t 3600 -n 100000000 -c 4 -p /tmp/body.json -T application/json -H "X-API-Key: $LUNA_API_KEY" \
    "https://127.0.0.1:8443/api/v1/$LUNA_ACCOUNT_ID/kalman" >"$report" 2>&1 &
  client=$!
  await requests_are $((before + 100))
  "$@"
  AWAIT_S=1200 await requests_are $((before + wanted))
  kill -INT "$client"
  wait "$client" || true
  grep -E '^(Complete|Failed) requests|^Non-2xx|apr_' "$report" || true
  [ "$(awk '/^Complete requests/ { print $3 }' "$report")" -ge $((wanted * 9 / 10)) ]
  if [ -n "${FAILURES:-}" ]; then
    "$FAILURES" "$report"
  else
    [ "$(awk '/^Failed requests/ { print $3 }' "$report")" = 0 ] && ! grep -qE '^Non-2xx|apr_' "$report"
  fi
}

# Old workers that still drain count too.
workers_are() { [ "$(curl -fs http://127.0.0.1:9100/status | grep -o '"state":"' | wc -l)" = "$1" ]; }

# A reload reads the file, waits, and fails when the new settings are not in force.
reload_is_told() {
  settings
  cp /etc/luna/worker-main.env /tmp/worker-main.env
  sed -i 's/^LUNA_WORKERS=.*/LUNA_WORKERS=3/' /etc/luna/worker-main.env
  run_guide reload
  await workers_are 3
  echo 'LUNA_WORKERS=many' >>/etc/luna/worker-main.env
  ! systemctl reload luna-worker@main || return 1
  echo 'LUNA_REDIS_URL=redis://127.0.0.1:1' | cat - /tmp/worker-main.env | grep -v LUNA_REDIS_URL_FILE >/etc/luna/worker-main.env
  ! systemctl reload luna-worker@main || return 1
  cp /etc/luna/quota-syncd.env /tmp/quota-syncd.env
  echo 'LUNA_SYNC_INTERVAL_MS=never' >>/etc/luna/quota-syncd.env
  ! systemctl reload quota-syncd || return 1
  echo 'nonsense;' >>/etc/luna/nginx/limits.conf
  ! systemctl reload luna-nginx || return 1
  sed -i '$d' /etc/luna/nginx/limits.conf
  cp /tmp/quota-syncd.env /etc/luna/quota-syncd.env
  cp /tmp/worker-main.env /etc/luna/worker-main.env
  systemctl reload luna-worker@main quota-syncd luna-nginx
  serves
}

# The commands of docs/OPERATIONS.md, with a copy of the running program as the new one.
binary_upgrade() {
  local pid
  pid=$(main_pid luna-worker@main)
  export LUNA_PID_FILE=/tmp/pool.pid LUNA_ENV_FILE=/etc/luna/worker-main.env LUNA_STATE_DIR=/var/lib/luna LUNA_WORKER_SOCKET=/run/luna/worker-main.sock
  echo "$pid" >"$LUNA_PID_FILE"
  cp /usr/sbin/fcgi-worker /tmp/fcgi-worker.new
  cd /tmp && under_load run_guide binary-upgrade
  [ "$(main_pid luna-worker@main)" = "$pid" ]
  [[ $(readlink "/proc/$pid/exe") == /usr/sbin/fcgi-worker ]]
}

# has_old USER FILE: a process of the user runs with this file, which was replaced.
has_old() {
  local pid
  for pid in $(pgrep -u "$1"); do
    ! grep -q "$2 (deleted)" "/proc/$pid/maps" 2>/dev/null || return 0
  done
  return 1
}

has_none_old() { ! has_old "$@"; }

# A library is replaced as by an upgrade of Debian's package, under load; then the command of
# docs/OPERATIONS.md is run.
libraries_replaced() {
  local pair file
  for pair in luna:libhiredis.so.0.14 luna-gateway:libpcre2-8.so.0; do
    file=$(readlink -f "/usr/lib/x86_64-linux-gnu/${pair#*:}")
    cp -p "$file" "$file.new" && mv "$file.new" "$file"
    has_old "${pair%:*}" "$file"
    under_load luna-setup --upgrade
    await has_none_old "${pair%:*}" "$file"
  done
}

rotated() { under_load luna-rotate "$@"; }

set_up_again() {
  local before
  before=$(cat /etc/luna/setup.env)
  LUNA_WORKERS=5 LUNA_HTTPS_LISTEN=127.0.0.1:443 LUNA_REDIS_PORT=7000 luna-setup | tee /tmp/setup.log
  grep -q '^==> LUNA_REDIS_PORT stays 6479' /tmp/setup.log
  await curl -fs --cacert /etc/luna/tls/ca.crt https://127.0.0.1/readyz
  await workers_are 5
  echo '# by hand' >>/etc/luna/nginx/limits.conf
  LUNA_WORKERS=4 LUNA_HTTPS_LISTEN=127.0.0.1:8443 luna-setup | tee /tmp/setup.log
  grep -q '^# by hand' /etc/luna/nginx/limits.conf
  [ "$(cat /etc/luna/setup.env)" = "$before" ]
  sed -i '$d' /etc/luna/nginx/limits.conf
  await serves
}

packages_from() { DEBIAN_FRONTEND=noninteractive apt-get install -y -q --allow-downgrades "$1"/luna-*.deb </dev/null; }

# upgraded_by_the_page FOLDER: as docs/OPERATIONS.md says it, with the files of this folder.
upgraded_by_the_page() {
  cd "$1" && rm -rf /tmp/new
  export DEBIAN_FRONTEND=noninteractive
  guide upgrade-packages | sed "s/luna-cli_NEW.deb/$(echo luna-cli_*.deb)/; s/^apt install/& -y -q/" | bash -eux
}

# replaced FOLDER NUMBER STATE [COMMAND [FAILURES]]: upgraded or downgraded to the packages there,
# under load. NUMBER of the lines of nginx's file are of the next release; STATE is in the list of
# migrations.
replaced() {
  local before unit REQUESTS_MIN=12000 FAILURES=${5:-}
  before=$(cat /etc/luna/*.env)
  under_load "${4:-packages_from}" "$1"
  settings
  for unit in quota-syncd luna-worker@main luna-nginx; do
    [[ $(readlink "/proc/$(systemctl show --property MainPID --value "$unit")/exe") != *deleted* ]]
  done
  ! grep -q '/usr/lib/luna.*deleted' "/proc/$(systemctl show --property MainPID --value luna-nginx)/maps" || return 1
  [ "$(grep -c 'next release' /etc/luna/nginx/limits.conf)" = "$2" ]
  [ "$(cat /etc/luna/*.env)" = "$before" ]
  luna migrate status --json | grep -q "$3"
  await serves
}

units_used() {
  settings
  luna account show demo --json | sed -n 's/.*"quota_used": \([0-9]*\).*/\1/p'
}

# The timer's command, then everything is lost: the key of the account works again, and each unit is
# in the ledger once.
backed_up_and_restored() {
  local used folder role
  systemctl enable --now luna-backup.timer
  systemctl start luna-backup.service
  folder=$(find /var/backups/luna -mindepth 1 -maxdepth 1 -name 'luna-*')
  [ -s "$folder/luna.dump" ] && [ -s "$folder/MANIFEST" ]
  for _ in 1 2 3; do request >/dev/null; done
  sleep 3 # longer than the interval of booking
  used=$(units_used)
  systemctl stop luna-nginx 'luna-worker@*.socket' 'luna-worker@*.service' quota-syncd
  (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- psql -q -c 'DROP DATABASE luna')
  for role in luna_worker luna_syncd luna_admin luna_owner; do
    (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- psql -q -c "DROP ROLE $role")
  done
  luna-restore
  [ "$(units_used)" = "$used" ]
  await serves
}

as_postgres() { (cd / && setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"); }

# The units of an account, when everything is booked.
units_booked() {
  sleep 3 # longer than the interval of booking
  units_used
}

# Debian 12 has one major version: its program moves the cluster to another one of the same version,
# by the same steps.
postgresql_replaced() {
  local used
  request
  used=$(units_booked)
  guide postgresql-upgrade | sed 's/^pg_upgradecluster 15 main$/pg_upgradecluster -v 15 --rename next 15 main/' | bash -eux
  pg_lsclusters
  [ "$(pg_lsclusters --no-header | awk '$4 == "online" { print $2 }')" = next ]
  await serves
  [ "$(units_booked)" -gt "$used" ]
  pg_dropcluster 15 main
}

# The service moves away, the machine forgets it, and the service moves here.
moved() {
  local used database role
  request
  used=$(units_booked)
  run_guide move-away
  systemctl stop redis-server@luna
  for database in $(as_postgres psql -XAtc "SELECT datname FROM pg_database WHERE datname LIKE 'luna%'"); do
    as_postgres psql -q -c "DROP DATABASE $database"
  done
  for role in luna_worker luna_syncd luna_admin luna_owner; do
    as_postgres psql -q -c "DROP ROLE $role"
  done
  rm -rf /etc/luna /etc/redis/redis-luna.conf /var/lib/redis/luna /var/lib/luna/* /var/lib/luna-nginx /var/lib/luna-setup \
    /var/backups/luna-move
  run_guide move-here
  [ "$(units_used)" = "$used" ]
  await serves
  systemctl is-enabled luna-nginx luna-worker@main.socket quota-syncd
}

exposed() {
  local others
  ip address replace 192.0.2.1/32 dev lo
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /etc/ssl/private/luna.key -out /etc/ssl/certs/luna.pem \
    -days 90 -subj /CN=luna.example.org -addext subjectAltName=DNS:luna.example.org,DNS:localhost,IP:127.0.0.1,IP:192.0.2.1
  cp /etc/ssl/certs/luna.pem /etc/luna/tls/ca.crt # what this machine's own clients trust
  run_guide expose
  curl -fsS --cacert /etc/ssl/certs/luna.pem https://192.0.2.1/readyz
  run_guide exposed | grep -F 0.0.0.0:443
  others=$(run_guide exposed | grep -vF 0.0.0.0:443 || true)
  [ -z "$others" ] || { printf 'also listens: %s\n' "$others" && return 1; }
  LUNA_HTTPS_LISTEN=127.0.0.1:8443 luna-setup
  await serves
}

# as_host: the addresses of the document's hosts become one of this machine.
as_host() { sed -E 's|10\.1\.2\.1[0-9]*|192.0.2.11|g; s|10\.1\.2\.0/24|192.0.2.0/24|'; }

HOST_FILES=(/etc/luna/worker-main.env /etc/luna/luna.env /etc/luna/nginx/upstream.conf)
HOST_UNITS=(luna-worker@main.service luna-worker@main.socket quota-syncd.service)

# The pool of this machine as one on another host: by the settings, the drop-in and the file of
# nginx that docs/SCALING.md has.
worker_host() {
  local file unit
  ip address replace 192.0.2.11/32 dev lo
  mkdir -p /tmp/one-machine && cp -p "${HOST_FILES[@]}" /tmp/one-machine
  { grep -v '^LUNA_MONITOR_LISTEN=' /tmp/one-machine/worker-main.env && guide worker-host | as_host; } >/etc/luna/worker-main.env
  sed -i 's/^LUNA_MONITOR_LISTEN=.*/LUNA_MONITOR_LISTEN=192.0.2.11:9100/' /etc/luna/luna.env
  sed -n '/^<!-- upstream.conf -->$/,/^```$/p' /opt/luna/SCALING.md | sed '1,2d; $d' | as_host >/etc/luna/nginx/upstream.conf
  for unit in luna-worker@main quota-syncd; do
    mkdir -p "/etc/systemd/system/$unit.service.d"
    guide worker-host-network | as_host >"/etc/systemd/system/$unit.service.d/override.conf"
  done
  systemctl daemon-reload
  systemctl stop "${HOST_UNITS[@]}"
  run_guide worker-host-start
  systemctl reload luna-nginx
  await serves
  ss -Hltn | grep -F 192.0.2.11:9000
  systemctl reload luna-worker@main
  kill_once luna-worker@main
  await serves
  for file in "${HOST_FILES[@]}"; do
    cp -p "/tmp/one-machine/${file##*/}" "$file"
  done
  rm -r /etc/systemd/system/{luna-worker@main,quota-syncd}.service.d
  systemctl daemon-reload
  systemctl restart "${HOST_UNITS[@]}"
  systemctl reload luna-nginx
  await serves
}

log_rotates() {
  request
  [ -s /var/log/luna/access.log ]
  logrotate --force /etc/logrotate.conf
  [ -s /var/log/luna/access.log.1 ]
  await test -e /var/log/luna/access.log
  request
  await test -s /var/log/luna/access.log
}

rotation_is_scheduled() { systemctl is-enabled logrotate.timer; }

purged() {
  DEBIAN_FRONTEND=noninteractive apt-get purge -y -q luna-worker luna-syncd luna-cli
  local left
  left=$(systemctl list-units --all --no-legend 'luna*' 'quota-syncd*' 'redis-server@luna*' --state=active,activating,failed || true)
  left+=$(systemctl list-unit-files --no-legend --state=enabled 'luna*' 'quota-syncd*' || true)
  left+=$(find /etc/systemd/system \( -name '*luna*' -o -name 'quota-syncd*' \) ! -type d)
  left+=$(pgrep -a -u luna,luna-gateway || true)
  left+=$(pgrep -af 'redis-server.*:6479' || true)
  [ -z "$left" ] || { printf 'left behind: %s\n' "$left" && return 1; }
  [ -s /etc/luna/secrets/key_pepper ] # the operator's
}

"$@"
