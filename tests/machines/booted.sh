#!/usr/bin/env bash
# The packages on a Debian 12 that systemd boots in a container (systemd-nspawn) with its own
# network: set up, each part killed, settings that are invalid, logs, purge. Prints "N passed, N
# failed" as its last line.
# shellcheck disable=SC2317 # functions are called through part
. scripts/lib/suite.sh
. "$LUNA_ROOT/scripts/lib/packages.sh"
. "$LUNA_ROOT/tests/lib/debian_root.sh"

BOOTED=$LUNA_ROOT/build/booted/root
PACKAGE_BUILD=$LUNA_ROOT/build/package
PREVIOUS=$LUNA_ROOT/build/booted/previous
LOGS=$LUNA_VAR/log
UNITS=(postgresql@15-main redis-server@luna quota-syncd luna-worker@main luna-nginx)
NSPAWN='' INIT=''

packages_build() { (cd "$LUNA_ROOT" && cmake --preset package && cmake --build "$PACKAGE_BUILD" --target package); }

# packages_previous: those of the previous release, which tests/machines/previous-release names: a
# tag, or as long as there is none a commit with fewer migrations. Their version is lower.
packages_previous() {
  local package work=$PREVIOUS commit
  commit=$(cat "$LUNA_ROOT/tests/machines/previous-release")
  [ "$(cat "$work/built" 2>/dev/null)" != "$commit" ] || return 0
  rm -rf "$work" && mkdir -p "$work/source" "$work/packages" &&
    git -C "$LUNA_ROOT" archive "$commit" | tar -x -C "$work/source" &&
    (cd "$work/source" && cmake --preset package && cmake --build build/package --target package) || return 1
  for package in "$work"/source/build/package/*.deb; do
    dpkg-deb -R "$package" "$work/unpacked" && sed -i -E 's/^(Version: .*)-1$/\1~previous-1/' "$work/unpacked/DEBIAN/control" &&
      dpkg-deb -b "$work/unpacked" "$work/packages" && rm -rf "$work/unpacked" || return 1
  done
  echo "$commit" >"$work/built"
}

# Nothing starts while packages are installed; what Debian enables starts with the machine.
booted_make() {
  debian_root "$BOOTED" || return 1
  printf '#!/bin/sh\nexit 101\n' >"$BOOTED/usr/sbin/policy-rc.d"
  chmod 755 "$BOOTED/usr/sbin/policy-rc.d"
  mkdir -p "$BOOTED/opt/luna/previous"
  cp "$PREVIOUS"/packages/luna-*.deb "$BOOTED/opt/luna/previous/"
  cp "$PACKAGE_BUILD"/*.deb "$LUNA_ROOT/tests/machines/booted-inside.sh" "$LUNA_ROOT"/docs/{GUIDES,OPERATIONS,SCALING}.md "$BOOTED/opt/luna/"
  # shellcheck disable=SC2016 # expanded by the inner shell
  DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 unshare --mount --pid --fork --kill-child -- bash -c '
    mount -t proc proc "$0/proc" && exec chroot "$0" bash -c "
      apt-get update -q && apt-get install -y -q --no-install-recommends systemd-sysv dbus procps \
        /opt/luna/previous/luna-*.deb /opt/luna/libkalman0*.deb nginx redis-server postgresql openssl curl apache2-utils iproute2"' "$BOOTED" || return 1
  rm "$BOOTED/usr/sbin/policy-rc.d"
}

# packages_next: the next release, with one more migration, other scripts for Redis, another binary
# of each program, and another file of nginx. tests/system/CMakeLists.txt builds its programs.
packages_next() {
  local name work=$LUNA_ROOT/build/booted/next
  cmake --build "$LUNA_BUILD" -- luna-next quota-syncd-next || return 1
  rm -rf "$work" && mkdir -p "$work" "$BOOTED/opt/luna/next" || return 1
  for name in worker syncd cli; do
    dpkg-deb -R "$PACKAGE_BUILD"/luna-"$name"_*.deb "$work/$name" && sed -i -E 's/^(Version: .*)$/\1+next1/' "$work/$name/DEBIAN/control" || return 1
  done
  install -m 755 "$LUNA_BUILD/bin/luna-next" "$work/cli/usr/bin/luna" &&
    install -m 755 "$LUNA_BUILD/bin/quota-syncd-next" "$work/syncd/usr/sbin/quota-syncd" &&
    echo '# next release' >>"$work/worker/usr/share/luna/nginx/limits.conf" || return 1
  for name in worker syncd cli; do
    dpkg-deb -b "$work/$name" "$BOOTED/opt/luna/next" || return 1
  done
}

booted_runs() { [[ $(in_booted systemctl is-system-running) =~ ^(running|degraded)$ ]]; }

find_init() { INIT=$(pgrep --parent "$NSPAWN" --oldest) && [ "$(readlink "/proc/$INIT/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]; }

booted_start() {
  systemd-nspawn --quiet --boot --register=no --keep-unit --private-network --directory="$BOOTED" --machine=luna-booted \
    >"$LOGS/booted.log" 2>&1 </dev/null &
  NSPAWN=$!
  wait_until 60 find_init || { tail "$LOGS/booted.log" && return 1; }
  wait_until 180 booted_runs
}

booted_stop() {
  [ -z "$NSPAWN" ] || kill "$NSPAWN" 2>/dev/null || return 0
  wait "$NSPAWN" 2>/dev/null || true
  NSPAWN=''
}

in_booted() {
  nsenter --target "$INIT" --mount --uts --ipc --net --pid -- env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# inside FUNCTION [ARG…]: of booted-inside.sh.
inside() { in_booted bash /opt/luna/booted-inside.sh "$@"; }

main() {
  local unit
  is_root || suite_skip "a container that boots needs root"
  command -v apt-get >/dev/null || suite_skip "this is no Debian"
  packages_ensure machines packaging build gateway
  mkdir -p "$LOGS"
  trap booted_stop EXIT
  part "the packages build" packages_build
  part "the packages of the previous release build" packages_previous
  part "a Debian with the packages of the previous release" booted_make
  booted_start || suite_done "$PASSED" $((FAILED + 1))
  part "luna-setup of the previous release, and a request is answered" inside set_up
  part "an upgrade from it under load: no request of 10,000 fails" inside replaced /opt/luna 0 '"applied"' upgraded_by_the_page
  part "luna-setup of this release, and a request is answered" inside set_up_later
  for unit in "${UNITS[@]}"; do
    part "$unit killed seven times: everything works again by itself" inside killed "$unit"
  done
  part "requests while a setting is invalid: the pool starts when it is valid" inside invalid_setting
  part "a pool that is stopped for a restore is not started by requests" inside stopped_for_a_restore
  part "a backup is restored after the database and its roles were dropped" inside backed_up_and_restored
  part "a reload reads the files, and fails when they are invalid" inside reload_is_told
  part "docs/OPERATIONS.md: a binary upgrade under load: no request fails" inside binary_upgrade
  part "libraries are replaced: luna-setup --upgrade replaces what runs with the old ones, and no request fails" inside libraries_replaced
  part "luna-setup, run again, changes what it is given, or says why not" inside set_up_again
  for unit in redis postgresql pepper tls; do
    part "luna-rotate $unit under load: no request fails" inside rotated "$unit"
  done
  part "a downgrade under load: the previous release runs on this one's schema" inside replaced /opt/luna/previous 0 \
    'newer build, compatible' packages_from fenced_only
  part "this release again, under load" inside replaced /opt/luna 0 '"applied"'
  part "the packages of a next release" packages_next
  part "an upgrade to it under load: no request of 10,000 fails" inside replaced /opt/luna/next 1 next
  part "back from it, under load: no request of 10,000 fails" inside replaced /opt/luna 0 'newer build, compatible'
  part "docs/GUIDES.md: a new PostgreSQL cluster" inside postgresql_replaced
  part "docs/GUIDES.md: the service moves to another machine" inside moved
  part "docs/GUIDES.md: a network is served, and nothing else is" inside exposed
  part "docs/SCALING.md: a host of workers that nginx reaches over a network" inside worker_host
  part "the access log rotates" inside log_rotates
  part "rotation is scheduled" inside rotation_is_scheduled
  part "purging leaves nothing enabled or running" inside purged
  booted_stop
  rm -rf "$BOOTED"
  suite_done "$PASSED" "$FAILED"
}

main
