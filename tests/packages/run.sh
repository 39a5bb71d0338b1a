#!/usr/bin/env bash
# The Debian packages: built, checked by lintian, installed into a clean debootstrap chroot, where
# they answer the README's curl in a separate network, and removed. Ends with "N passed, N failed".
# shellcheck disable=SC2317 # functions are called through part
. scripts/lib/suite.sh
. "$LUNA_ROOT/scripts/lib/packages.sh"
. "$LUNA_ROOT/tests/lib/debian_root.sh"

WORK=$LUNA_ROOT/build/packages
PACKAGE_BUILD=$LUNA_ROOT/build/package
CHROOT=$WORK/chroot

build() {
  (cd "$LUNA_ROOT" && cmake --preset package && cmake --build "$PACKAGE_BUILD" --target package)
}

# Severity and name of each tag, once.
lintian_tags() {
  lintian --allow-root --display-info "$PACKAGE_BUILD"/*.deb | sed -n 's/^\([EWI]\): [^:]*: \([^ ]*\).*/\1 \2/p' | sort -u
}

lintian_finds_the_known_tags() {
  diff -U 0 <(sed 's/ *#.*//; /^$/d' "$LUNA_ROOT/tests/packages/lintian-tags.txt" | sort) <(lintian_tags)
}

pages_are_well_formed() {
  local page
  for page in "$PACKAGE_BUILD"/man/*.gz; do
    # The log of man(1) is empty when groff has nothing to complain about.
    ! LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=100 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null | grep . || return 1
    zcat "$page" | grep '^\.SH NAME' >/dev/null || return 1
  done
}

every_program_has_its_page() {
  local page
  for page in luna.1 fcgi-worker.8 quota-syncd.8 luna-setup.8 luna-rotate.8 luna-backup.8 luna-restore.8 kalman.3 luna.env.5 fcgi-worker.env.5 quota-syncd.env.5; do
    [ -s "$PACKAGE_BUILD/man/$page.gz" ] || { say "no $page" && return 1; }
  done
}

settings_pages_name_every_setting() {
  local program name
  for program in fcgi-worker quota-syncd luna; do
    for name in $("$PACKAGE_BUILD/bin/$program" --config-example | grep -oE '^#?LUNA_[A-Z_]+' | tr -d '#'); do
      zgrep -q "^\.B $name" "$PACKAGE_BUILD/man/$program.env.5.gz" || { say "$program.env(5) lacks $name" && return 1; }
    done
  done
}

completion_completes() {
  PATH=$PACKAGE_BUILD/bin:$PATH bash -c '
    . <(luna completion bash)
    complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _luna; printf "%s " "${COMPREPLY[@]}"; }
    [[ $(complete_words luna acc) == "account " ]] || exit 1
    [[ $(complete_words luna account set-) == *set-limit*set-plan* ]] || exit 1
    [[ $(complete_words luna plan set --ra) == "--rate " ]] || exit 1'
}

chroot_make() {
  debian_root "$CHROOT"
  printf '#!/bin/sh\nexit 101\n' >"$CHROOT/usr/sbin/policy-rc.d"
  chmod 755 "$CHROOT/usr/sbin/policy-rc.d"
  mkdir -p "$CHROOT/opt/luna/packages"
  cp "$PACKAGE_BUILD"/*.deb "$CHROOT/opt/luna/packages/"
  cp "$LUNA_ROOT/README.md" "$LUNA_ROOT/tests/packages/inside.sh" "$CHROOT/opt/luna/"
}

# in_chroot [--apart] WORD…: with a separate /proc; --apart also gives it a separate network that
# has only loopback.
in_chroot() {
  local apart=() script='mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
  if [ "$1" = --apart ]; then
    apart=(--net)
    # shellcheck disable=SC2016 # expanded by the inner shell
    script="ip link set lo up && $script"
    shift
  fi
  LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive unshare --mount --pid --fork --kill-child "${apart[@]}" -- bash -c "$script" "$CHROOT" "$@"
}

main() {
  is_root || suite_skip "a chroot needs root"
  command -v apt-get >/dev/null || suite_skip "this is no Debian"
  mkdir -p "$WORK"
  packages_ensure packaging gateway
  part "the packages build" build
  part "lintian finds the known tags only" lintian_finds_the_known_tags
  part "every program has its page" every_program_has_its_page
  part "groff finds nothing wrong with the pages" pages_are_well_formed
  part "the settings pages name every setting" settings_pages_name_every_setting
  part "the completion completes" completion_completes
  part "a clean chroot" chroot_make
  part "the packages install" in_chroot bash /opt/luna/inside.sh install
  part "the README's curl is answered" in_chroot --apart bash /opt/luna/inside.sh serve
  part "a program links libkalman-dev" in_chroot bash /opt/luna/inside.sh link
  part "reinstalling keeps the settings" in_chroot bash /opt/luna/inside.sh keep
  part "the packages go, and take their files with them" in_chroot bash /opt/luna/inside.sh remove
  rm -rf "$CHROOT"
  suite_done "$PASSED" "$FAILED"
}

main
