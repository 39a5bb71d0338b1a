#!/usr/bin/env bash
# Starts the worker pool of one container, or, given words, runs `luna` with them.
#
# All containers of one machine share the directory of the charge journals, because a recovery has
# to read all of them. A worker owns one slot of that directory; so each container takes a range of
# slots first, by a lock that ends with its last process.
set -eu

SLOTS_PER_POOL=32 # room for 16 workers: a reload starts the new ones before the old ones have ended
POOLS_MAX=8

[ $# = 0 ] || exec luna "$@"

for ((pool = 0; pool < POOLS_MAX; pool++)); do
  exec {lock}>"$LUNA_STATE_DIR/pool-$pool"
  if flock -n "$lock"; then
    LUNA_JOURNAL_SLOT_FIRST=$((pool * SLOTS_PER_POOL)) exec fcgi-worker
  fi
  exec {lock}>&-
done
echo "worker.sh: $POOLS_MAX pools run on $LUNA_STATE_DIR already; give this one a directory, and a quota-syncd, of its own" >&2
exit 78
