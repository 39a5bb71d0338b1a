# shellcheck shell=bash
# Sourced first by every script: paths, messages, errors.
set -euo pipefail
umask 022

LUNA_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
LUNA_PRESET=${LUNA_PRESET:-dev}
LUNA_BUILD=$LUNA_ROOT/build/$LUNA_PRESET
LUNA_VAR=$(realpath -ms -- "${LUNA_VAR:-$LUNA_ROOT/var}")
export LUNA_ROOT LUNA_PRESET LUNA_BUILD LUNA_VAR

# An ordinary user's PATH lacks the programs in sbin.
PATH=$PATH:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
step() { printf '==> %s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
  warn "$*"
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# quietly LOG CMD…: runs CMD with its output in LOG and shows only progress; prints the end of LOG
# when CMD fails.
quietly() {
  local log=$1 status=0
  shift
  "$@" 2>&1 | tee "$log" | show_progress || status=$?
  [ "$status" = 0 ] && return 0
  tail -n 40 "$log" >&2
  warn "failed: $* (log: $log)"
  return "$status"
}

# show_progress: on a terminal, the latest line of standard input, overwritten by the next;
# otherwise one line every five seconds.
show_progress() {
  local line last=$SECONDS
  while read -r line; do
    if [ -t 1 ]; then
      printf '\r\033[K    %.*s' $((${COLUMNS:-80} - 5)) "$line"
    elif [ $((SECONDS - last)) -ge 5 ]; then
      printf '    %.100s\n' "$line"
      last=$SECONDS
    fi
  done
  [ ! -t 1 ] || printf '\r\033[K'
}

# wait_until SECONDS CMD…: waits until CMD succeeds; fails after SECONDS.
wait_until() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# render TEMPLATE NAME…: prints the template with each ${NAME} replaced by the value of that
# variable; any other ${LUNA_…} is an error.
render() {
  local template=$1 text name
  shift
  text=$(<"$template")
  for name in "$@"; do
    text=${text//"\${$name}"/${!name}}
  done
  case $text in
    *"\${LUNA_"*) die "$template: a \${LUNA_…} has no value" ;;
  esac
  printf '%s\n' "$text"
}
