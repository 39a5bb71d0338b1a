# shellcheck shell=bash
# Debian packages: which ones are missing, and how to install them without starting or configuring
# the services that they bring.

# packages_listed SET…: the lines of scripts/packages/SET.txt. Each names a package, and optionally
# a program: if that is installed already, from any source, the package is not needed.
packages_listed() {
  local set
  for set in "$@"; do
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$LUNA_ROOT/scripts/packages/$set.txt"
  done | sort -u
}

packages_missing() {
  local name program
  packages_listed "$@" | while read -r name program; do
    [ -z "$program" ] || ! command -v "$program" >/dev/null || continue
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || printf '%s\n' "$name"
  done
}

# packages_ensure SET…: installs missing packages as root; for other users prints the command.
packages_ensure() {
  local missing
  mapfile -t missing < <(packages_missing "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if ! is_root; then
    warn "these Debian packages are missing: ${missing[*]}"
    warn "install them, then run this again:"
    warn "    sudo apt-get install --no-install-recommends ${missing[*]}"
    exit 1
  fi
  step "Installing ${#missing[@]} Debian packages: ${missing[*]}"
  packages_install "${missing[@]}"
}

POLICY=/usr/sbin/policy-rc.d
CREATECLUSTER=/etc/postgresql-common/createcluster.conf

# Debian packages start their services, and that of PostgreSQL creates a cluster. During the
# installation policy-rc.d prevents the first and a setting the second; both are restored even when
# the installation fails.
packages_install() (
  exec {lock}>/run/lock/luna-packages
  flock "$lock" # two suites may install at once; the settings below are one for all
  mkdir -p "$LUNA_VAR/log"
  local log=$LUNA_VAR/log/apt.log kept
  kept=$(mktemp -d)
  trap 'packages_restore_policy "$kept"' EXIT
  trap 'exit 130' INT TERM
  packages_forbid_services "$kept"
  export DEBIAN_FRONTEND=noninteractive
  quietly "$log" apt-get update -q
  case " $* " in
    *" postgresql-"*) packages_forbid_cluster "$kept" "$log" ;;
  esac
  quietly "$log" packages_apt "$@"
  packages_leave_disabled "$@"
)

packages_apt() {
  apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold "$@"
}

packages_forbid_services() {
  [ ! -e "$POLICY" ] || cp -p "$POLICY" "$1/policy"
  printf '#!/bin/sh\nexit 101\n' >"$POLICY.luna"
  chmod 755 "$POLICY.luna"
  mv "$POLICY.luna" "$POLICY"
}

packages_forbid_cluster() {
  [ -d /etc/postgresql-common ] || quietly "$2" packages_apt postgresql-common
  cp -p "$CREATECLUSTER" "$1/createcluster"
  printf 'create_main_cluster = false\n' >>"$CREATECLUSTER"
}

packages_restore_policy() {
  if [ -e "$1/policy" ]; then cp -p "$1/policy" "$POLICY"; else rm -f "$POLICY"; fi
  [ ! -e "$1/createcluster" ] || cp -p "$1/createcluster" "$CREATECLUSTER"
  rm -rf "$1"
}

# A service that was not installed before must not start at the next boot.
packages_leave_disabled() {
  local name
  command -v deb-systemd-helper >/dev/null || return 0
  for name in "$@"; do
    case $name in
      nginx | redis-server | prometheus) deb-systemd-helper disable "$name.service" >/dev/null 2>&1 || true ;;
      postgresql-*) deb-systemd-helper disable postgresql.service >/dev/null 2>&1 || true ;;
    esac
  done
}
