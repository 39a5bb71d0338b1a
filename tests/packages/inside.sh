#!/usr/bin/env bash
# What happens inside the chroot; called by run.sh.
set -euo pipefail

wait_for() {
  local i
  for ((i = 0; i < 300; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "not within 30 s: $*" >&2
  return 1
}

install() {
  apt-get update -q
  apt-get install -y -q --no-install-recommends /opt/luna/packages/luna-*.deb /opt/luna/packages/libkalman*.deb nginx redis-server postgresql openssl curl
  getent passwd luna
  [ "$(stat -c '%U %a' /var/lib/luna)" = "luna 700" ]
  [ -s /usr/share/luna/prometheus/alerts.yml ] && [ -s /usr/share/luna/grafana/luna.json ] && [ -s /usr/share/doc/luna-worker/RUNBOOKS.md ]
  fcgi-worker --version
  luna --version
}

# As the units do it: the same users, files and variables; systemd itself does not run in a chroot.
as_luna() { setpriv --reuid=luna --regid=luna --init-groups -- "$@"; }
environment() { grep -hv '^#' "$1" | grep '=' | xargs; }

start_all() {
  pg_ctlcluster 15 main start
  wait_for pg_isready -q
  luna-setup
  command install -d -o luna -g luna -m 0755 /run/luna
  command install -d -o redis -g redis -m 2755 /run/redis-luna
  setpriv --reuid=redis --regid=redis --init-groups -- redis-server /etc/redis/redis-luna.conf >/tmp/redis.log 2>&1 &
  # shellcheck disable=SC2046 # words
  as_luna env $(environment /etc/luna/quota-syncd.env) quota-syncd >/tmp/syncd.log 2>&1 &
  # shellcheck disable=SC2046
  env $(environment /etc/luna/worker-main.env) LUNA_STATE_DIR=/var/lib/luna LUNA_WORKER_SOCKET=/run/luna/worker-main.sock \
    LUNA_SOCKET_GROUP=luna-gateway LUNA_SOCKET_PEERS=luna-gateway LUNA_USER=luna fcgi-worker >/tmp/worker.log 2>&1 &
  setpriv --reuid=luna-gateway --regid=luna-gateway --init-groups -- \
    nginx -p /var/lib/luna-nginx -c /etc/luna/nginx/nginx.conf -e stderr >/tmp/nginx.log 2>&1 &
  wait_for curl -fs --cacert /etc/luna/tls/ca.crt https://127.0.0.1:8443/readyz || { tail -n 5 /tmp/*.log && return 1; }
}

serve() {
  start_all
  set -a
  . /etc/luna/luna.env
  set +a
  local answer
  answer=$(luna account create demo --json)
  LUNA_ACCOUNT_ID=$(sed -n 's/.*"id": \([0-9]*\).*/\1/p' <<<"$answer")
  LUNA_API_KEY=$(sed -n 's/.*"api_key": "\([^"]*\)".*/\1/p' <<<"$answer")
  LUNA_URL=https://127.0.0.1:8443 LUNA_CA=/etc/luna/tls/ca.crt
  export LUNA_ACCOUNT_ID LUNA_API_KEY LUNA_URL LUNA_CA
  answer=$(bash -c "$(grep -m 1 '^curl --cacert' /opt/luna/README.md) -fsS")
  echo "$answer"
  [[ $answer == '{"processed_results":['*'],"input_data":[1120,1160,963,1210]}' ]]
  luna health
  wait_for bash -c 'luna account show demo --json | grep -q "\"quota_used\": 1,"'
  luna-setup # a second time changes nothing and breaks nothing
  luna account show demo
  no_secret_in_logs
  other_users_are_kept_out
  pages_are_served
  [ -s /var/log/luna/access.log ]
}

# From the package: there is no npm here, and no network.
pages_are_served() {
  local page
  for page in openapi.json docs redoc changelog assets/swagger-ui-bundle.js assets/redoc.standalone.js llms.txt; do
    curl -fsS -o /tmp/page --cacert /etc/luna/tls/ca.crt "https://127.0.0.1:8443/$page"
    [ -s /tmp/page ]
  done
  curl -fsS --compressed --cacert /etc/luna/tls/ca.crt https://127.0.0.1:8443/openapi.json | grep '"/api/v1/{account_id}/kalman"' >/dev/null
}

# www-data is the user of every other web program of the machine.
other_users_are_kept_out() {
  local as_other=(setpriv --reuid=www-data --regid=www-data --init-groups --) status=0
  ! "${as_other[@]}" cat /etc/luna/tls/server.key 2>/dev/null || return 1
  "${as_other[@]}" curl -s -m 5 --unix-socket /run/luna/worker-main.sock http://localhost/ || status=$?
  [ "$status" = 7 ] # not connected
}

no_secret_in_logs() {
  local logs=(/tmp/redis.log /tmp/syncd.log /tmp/worker.log /tmp/nginx.log /var/log/postgresql/*.log)
  [ "$(find /etc/luna/secrets -type f -size +0 | wc -l)" -ge 5 ]
  if grep -lF -e "$LUNA_API_KEY" -f <(sed '/^$/d' /etc/luna/secrets/*) "${logs[@]}"; then
    echo "a secret is in these logs" >&2
    return 1
  fi
}

link() {
  apt-get install -y -q --no-install-recommends gcc libc6-dev pkg-config
  printf '#include <kalman/kalman.h>\n#include <stdio.h>\nint main(void) { double v[] = {1, 2, 4, 3}, l[4], p[4]; struct kalman_fit fit; return kalman_filter_simple(v, 4, l, p, &fit); }\n' >/tmp/t.c
  # shellcheck disable=SC2046
  gcc /tmp/t.c $(pkg-config --cflags --libs kalman) -o /tmp/t
  /tmp/t
  ldd /tmp/t | grep 'libkalman.so.0'
}

keep() {
  echo 'LUNA_WORKERS=7' >>/etc/luna/worker-main.env
  apt-get install -y -q --reinstall -o Dpkg::Options::=--force-confold /opt/luna/packages/luna-worker_*.deb
  grep -qx 'LUNA_WORKERS=7' /etc/luna/worker-main.env
  # No script changes a conffile, so apt never asks about one.
  [ -z "$(dpkg --verify luna-worker luna-syncd luna-cli | grep ' c ')" ]
}

remove() {
  dpkg -L luna-worker luna-syncd luna-cli libkalman0 libkalman-dev | sort -u >/tmp/files
  apt-get remove -y -q luna-worker luna-syncd luna-cli libkalman0 libkalman-dev
  [ -s /etc/luna/worker-main.env ]
  command install -d -o luna /var/log/luna-daemons && touch /var/log/luna-daemons/worker-main.log.1 /var/log/luna-daemons/quota-syncd.log
  dpkg --purge luna-worker luna-syncd
  [ ! -e /var/log/luna-daemons ] # logs go, by Debian's policy
  local file left=()
  while read -r file; do
    [ ! -f "$file" ] || left+=("$file")
  done </tmp/files
  [ ${#left[@]} = 0 ] || { printf 'left behind: %s\n' "${left[@]}" && return 1; }
  [ -d /var/lib/luna ] && [ -s /etc/luna/secrets/key_pepper ] # the operator's
}

"$1"
