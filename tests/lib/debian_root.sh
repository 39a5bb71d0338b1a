# shellcheck shell=bash
# A bare Debian 12 as a folder to chroot into: what debootstrap calls minbase, and what it takes to
# reach the package registries from here. Sourced after scripts/lib/common.sh; needs debootstrap.

DEBIAN_BASE=$LUNA_VAR/debian-12-minbase.tar

# debian_mirror: the first address that apt is configured with.
debian_mirror() {
  awk '/^URIs:/ { print $2; exit } /^deb / { print $2; exit }' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null
}

# debian_base_make: DEBIAN_BASE, once.
debian_base_make() {
  [ ! -s "$DEBIAN_BASE" ] || return 0
  rm -rf "$DEBIAN_BASE.d" &&
    debootstrap --variant=minbase --include=ca-certificates bookworm "$DEBIAN_BASE.d" "$(debian_mirror)" &&
    tar -C "$DEBIAN_BASE.d" -cf "$DEBIAN_BASE.new" . &&
    mv "$DEBIAN_BASE.new" "$DEBIAN_BASE" &&
    rm -rf "$DEBIAN_BASE.d"
}

# debian_root FOLDER: a bare Debian there, with this machine's name server, package sources and
# certificate authorities.
debian_root() {
  local root=$1 path
  debian_base_make && rm -rf "$root" && mkdir -p "$root" && tar -C "$root" -xf "$DEBIAN_BASE" || return 1
  rm -f "$root/etc/apt/sources.list"
  for path in /etc/resolv.conf /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /usr/share/keyrings \
    /usr/local/share/ca-certificates; do
    [ ! -e "$path" ] || cp -rT "$path" "$root$path" || return 1
  done
  chroot "$root" update-ca-certificates
}
