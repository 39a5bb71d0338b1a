#!/bin/bash
# symbols.sh NM STATIC SHARED: fails when a library defines a global name outside kalman_*, which
# could collide with a name of the program that links it, or when a public function is missing.
set -euo pipefail
nm=$1 static=$2 shared=$3

# The global names that nm's arguments define, one a line.
names() { "$nm" --defined-only --extern-only --format=posix "$@" | awk 'NF > 2 { print $1 }' | sort -u; }

# check NAME FILE: FILE holds the names of the library NAME.
check() {
  local foreign
  foreign=$(grep -v '^kalman_' "$2" || true)
  [ -z "$foreign" ] || { echo "$1 defines private names for others: $foreign"; exit 1; }
  grep -qx kalman_run "$2" || { echo "$1 does not define kalman_run"; exit 1; }
}

of_static=$(mktemp) of_shared=$(mktemp)
trap 'rm -f "$of_static" "$of_shared"' EXIT
names "$static" >"$of_static"
names --dynamic "$shared" | grep -v '^KALMAN_' | sed 's/@.*//' | sort -u >"$of_shared"
check libkalman.a "$of_static"
check libkalman.so "$of_shared"
diff "$of_static" "$of_shared" || { echo "the two libraries differ"; exit 1; }
