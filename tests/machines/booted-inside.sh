#!/usr/bin/env bash
# What happens on the booted machine; called by booted.sh. Each function is one test.
set -euo pipefail

await() {
  local i
  for ((i = 0; i < 600; i++)); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.1
  done
  echo "not within a minute: $*" >&2
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

# killed UNIT: its first process by SIGKILL, seven times in a row, which is more than systemd
# allows by default; then all parts work again without any help.
killed() {
  local i pid
  for ((i = 0; i < 7; i++)); do
    await systemctl is-active "$1"
    pid=$(systemctl show --property MainPID --value "$1")
    [ "$pid" -gt 0 ]
    kill -KILL "$pid"
    request >/dev/null 2>&1 || true
    await test "$(systemctl show --property MainPID --value "$1")" != "$pid"
  done
  await serves
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
