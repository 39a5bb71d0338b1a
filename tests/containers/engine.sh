#!/usr/bin/env bash
# engine.sh: an engine for the container tests. Prints shell assignments, ENGINE and COMPOSE, or the
# reason why there is none and exits with 77.
#
# Docker with Compose is used as it is. Without it, and with root on Debian, podman is installed. If
# no registry of images can be reached, stand-ins for the base images are built from Debian's
# packages, with the same PostgreSQL 15 and Redis 7. They accept the settings of the official images
# that docker-compose.yml uses.
# shellcheck source=scripts/lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/common.sh"
. "$LUNA_ROOT/scripts/lib/packages.sh"

STANDINS=$LUNA_ROOT/tests/containers/standins
WORK=$LUNA_ROOT/build/containers
PACKAGES=(podman runc podman-compose debootstrap netavark aardvark-dns iptables)

no_engine() {
  say "no container engine: $*" >&2
  exit 77
}

use_docker() {
  command -v docker >/dev/null && docker compose version >/dev/null 2>&1 && docker info >/dev/null 2>&1 || return 1
  say "ENGINE=docker"
  say "COMPOSE='docker compose'"
}

podman_install() {
  local missing=() name
  for name in "${PACKAGES[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} = 0 ] || packages_install "${missing[@]}" >&2
}

has_cap_sys_resource() {
  local effective
  effective=$(awk '/^CapEff:/ { print $2 }' /proc/self/status)
  (((0x$effective >> 24) & 1))
}

# A machine that is itself a container often lacks CAP_SYS_RESOURCE, which podman needs to set
# limits.
podman_configure() {
  local runtime=/usr/sbin/runc
  mkdir -p "$WORK"
  if ! has_cap_sys_resource; then
    runtime=$WORK/runc
    install -m 755 "$STANDINS/runc-without-limits.py" "$runtime"
  fi
  cat >"$WORK/containers.conf" <<CONF
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
[engine.runtimes]
runc = ["$runtime"]
CONF
  export CONTAINERS_CONF=$WORK/containers.conf
}

# full_name IMAGE: at the registry.
full_name() { case $1 in */*) say "docker.io/$1" ;; *) say "docker.io/library/$1" ;; esac; }

have_image() { podman image exists "$(full_name "$1")"; }

base_image() {
  local root mirror
  have_image debian:bookworm-slim && return 0
  podman pull -q docker.io/library/debian:bookworm-slim >/dev/null 2>&1 && return 0
  mirror=$(awk '/^URIs:/ { print $2; exit } /^deb / { print $2; exit }' /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null)
  root=$(mktemp -d)
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >"$WORK/debootstrap.log" 2>&1 ||
    { tail -n 5 "$WORK/debootstrap.log" >&2 && no_engine "debootstrap failed"; }
  chroot "$root" apt-get clean
  rm -rf "$root"/var/lib/apt/lists/*
  tar -C "$root" -c . | podman import - docker.io/library/debian:bookworm-slim >/dev/null
  rm -rf "$root"
}

# standin IMAGE:TAG: the stand-in's name is the image's without its folder.
standin() {
  local name=${1%%:*}
  have_image "$1" && return 0
  podman pull -q "$(full_name "$1")" >/dev/null 2>&1 && return 0
  podman build -q --network host -t "$(full_name "$1")" -f "$STANDINS/${name##*/}.Dockerfile" "$STANDINS" >"$WORK/standin.log" 2>&1 ||
    { tail -n 5 "$WORK/standin.log" >&2 && no_engine "the stand-in for $1 could not be built"; }
}

use_podman() {
  is_root || no_engine "Docker with Compose is not here, and podman's networks need root"
  command -v apt-get >/dev/null || no_engine "Docker with Compose is not here, and this is no Debian to install podman on"
  podman_install
  podman_configure
  podman info >/dev/null 2>&1 || no_engine "podman does not run here: $(podman info 2>&1 | tail -n 1)"
  base_image
  local image
  for image in postgres:15 redis:7 $(sed -n 's|^ *image: docker.io/\(prom/[^@]*\).*|\1|p' "$LUNA_ROOT/conf/docker/extras.yml"); do
    standin "$image"
  done
  say "ENGINE=podman"
  say "COMPOSE=podman-compose"
  say "export CONTAINERS_CONF=$CONTAINERS_CONF"
}

use_docker || use_podman
