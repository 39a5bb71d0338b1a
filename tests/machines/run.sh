#!/usr/bin/env bash
# Runs README's two commands, each on a bare machine: a Debian 12 root as debootstrap makes it, a
# clean clone of HEAD, and namespaces of its own. Prints "N passed, N failed" as its last line.
# LUNA_MACHINES: how many machines run scripts/test, one after the other (default: 1); each is the
# next of KINDS.
# shellcheck disable=SC2317 # functions are called through part
. scripts/lib/suite.sh
. "$LUNA_ROOT/scripts/lib/packages.sh"
. "$LUNA_ROOT/tests/lib/debian_root.sh"

# bare: nothing else; home: the clone is in root's home, which only root may enter; offline: npm's
# registry is unreachable
KINDS=(bare home offline)
MACHINE=$LUNA_VAR/machine
CLONE=/opt/luna
ROOT_HOME=/root
LOGS=$LUNA_VAR/log
HELPERS=()

# All that a machine inherits of this process's environment: how to reach the package registries,
# and what this processor needs to compute correctly.
INHERITED=(http_proxy https_proxy no_proxy NODE_EXTRA_CA_CERTS SSL_CERT_FILE OPENBLAS_CORETYPE OPENBLAS_L2_SIZE)

machine_make() {
  debian_root "$MACHINE" && chmod 700 "$MACHINE/root" && git clone -q "$LUNA_ROOT" "$MACHINE$CLONE"
}

has_own_network() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

# network_start: creates a network namespace from which the registries can be reached; NETWORK is
# the command that enters it. Without /dev/net/tun the machines share this machine's network.
network_start() {
  local holder ready=$LUNA_VAR/run/machine-network
  NETWORK=()
  [ -e /dev/net/tun ] || return 0
  mkdir -p "${ready%/*}"
  : >"$ready"
  unshare --net -- sleep infinity &
  holder=$!
  HELPERS+=("$holder")
  wait_until 60 has_own_network "$holder"
  slirp4netns --configure --disable-host-loopback --ready-fd=3 "$holder" tap0 3>"$ready" >"$LOGS/slirp4netns.log" 2>&1 &
  HELPERS+=("$!")
  wait_until 60 test -s "$ready"
  NETWORK=(nsenter "--net=/proc/$holder/ns/net")
}

network_stop() {
  local helper
  for helper in "${HELPERS[@]}"; do
    kill "$helper" 2>/dev/null || true
    wait "$helper" 2>/dev/null || true
  done
  HELPERS=()
}

# in_machine CMD…: at the root of the clone. When it ends, all processes of the machine end.
in_machine() {
  local name environment=(HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin)
  for name in "${INHERITED[@]}"; do
    [ -z "${!name:-}" ] || environment+=("$name=${!name}")
  done
  "${NETWORK[@]}" unshare --mount --pid --fork --kill-child --uts --ipc -- \
    env -i "${environment[@]}" bash tests/machines/enter.sh "$MACHINE" "$CLONE" "$@"
}

# on_a_new_machine LOG CMD…
on_a_new_machine() {
  local log=$1 status=0
  shift
  quietly "$LOGS/machine.log" machine_make || return 1
  network_start || return 1
  quietly "$log" in_machine "$@" || status=$?
  network_stop
  rm -rf "$MACHINE"
  return "$status"
}

up_answers() {
  local curl
  curl=$(sed -n '/^curl.*kalman/{p;q}' README.md)
  on_a_new_machine "$LOGS/machine-up.log" bash -c "scripts/up --detach && . var/demo.env && $curl | grep 1113.25"
}

# test_is_green KIND
test_is_green() {
  local command=(scripts/test)
  CLONE=/opt/luna
  case $1 in
    home) CLONE=$ROOT_HOME/luna ;;
    offline) command=(env npm_config_registry=http://127.0.0.1:9 scripts/test) ;;
  esac
  on_a_new_machine "$LOGS/machine-test-$1.log" "${command[@]}"
}

# skips_no_package KIND: without npm's registry, what needs it is skipped.
skips_no_package() {
  local allowed='^$'
  [ "$1" != offline ] || allowed='npm or its registry is not available'
  ! grep -E '^skipped: .*(not installed|not available)' "$LOGS/machine-test-$1.log" | grep -vE "$allowed"
}

main() {
  local number kind
  is_root || suite_skip "a machine is a chroot, which needs root"
  packages_ensure machines
  mkdir -p "$LOGS"
  trap network_stop EXIT
  part "scripts/up --detach on a bare machine, and README's curl" up_answers
  for ((number = 1; number <= ${LUNA_MACHINES:-1}; number++)); do
    kind=${KINDS[(number - 1) % ${#KINDS[@]}]}
    part "scripts/test on a new machine ($kind): green at the first run" test_is_green "$kind"
    tail -n 1 "$LOGS/machine-test-$kind.log"
    part "no test was skipped because a package is missing ($kind)" skips_no_package "$kind"
  done
  suite_done "$PASSED" "$FAILED"
}

main
