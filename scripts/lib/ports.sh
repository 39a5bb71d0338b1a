# shellcheck shell=bash
# Ports of this stack: from the environment, else the ports of the previous start, else the
# defaults, else the next free ones.

PORT_NAMES=(LUNA_HTTPS_PORT LUNA_POSTGRES_PORT LUNA_REDIS_PORT LUNA_MONITOR_PORT LUNA_SYNCD_METRICS_PORT LUNA_GATEWAY_METRICS_PORT)
declare -A PORT_DEFAULTS=(
  [LUNA_HTTPS_PORT]=8443
  [LUNA_POSTGRES_PORT]=8432
  [LUNA_REDIS_PORT]=8379
  [LUNA_MONITOR_PORT]=8480
  [LUNA_SYNCD_METRICS_PORT]=8481
  [LUNA_GATEWAY_METRICS_PORT]=8482
)

# Whether something listens on this port, from /proc/net, which needs no tool and no connection.
port_taken() {
  local hex tables=(/proc/net/tcp)
  hex=$(printf ':%04X' "$1")
  [ ! -r /proc/net/tcp6 ] || tables+=(/proc/net/tcp6)
  awk -v port="$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' "${tables[@]}"
}

port_next_free() {
  local port=$1
  while port_taken "$port" || port_chosen "$port"; do
    port=$((port + 10))
    [ "$port" -le 65535 ] || die "no free port above $1"
  done
  printf '%s' "$port"
}

port_chosen() {
  local name
  for name in "${PORT_NAMES[@]}"; do
    [ "${!name:-}" != "$1" ] || return 0
  done
  return 1
}

port_check_given() {
  [[ ${!1} =~ ^[0-9]{1,5}$ ]] && [ "${!1}" -ge 1 ] && [ "${!1}" -le 65535 ] ||
    die "$1 is \"${!1}\"; expected a port number from 1 to 65535"
  ! port_taken "${!1}" || die "$1 asks for port ${!1}, which is already in use"
}

# ports_choose: sets every variable of PORT_NAMES and saves the choice. Call with the start lock
# held.
ports_choose() {
  local name remembered=$LUNA_VAR/ports.env last
  for name in "${PORT_NAMES[@]}"; do
    [ -z "${!name:-}" ] || port_check_given "$name"
  done
  for name in "${PORT_NAMES[@]}"; do
    [ -z "${!name:-}" ] || continue
    last=$(sed -n "s/^$name=//p" "$remembered" 2>/dev/null || true)
    last=$(port_next_free "${last:-${PORT_DEFAULTS[$name]}}")
    printf -v "$name" %s "$last"
  done
  for name in "${PORT_NAMES[@]}"; do
    printf '%s=%s\n' "$name" "${!name}"
  done >"$remembered"
}

# ports_recall: sets the ports of a running stack.
ports_recall() {
  # shellcheck source=/dev/null
  . "$LUNA_VAR/ports.env"
}
