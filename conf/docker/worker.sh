#!/usr/bin/env bash
# Starts the worker pool of one container; with arguments, runs `luna` with them instead.
#
# All containers of a machine share the directory of the charge journals, because a recovery reads
# all of them. A worker owns one slot of that directory, so each container first reserves a range of
# slots, with a lock that is released when its last process exits.
set -eu

# For 16 workers: a reload starts the new ones before the old ones exit, and a self-test needs one.
SLOTS_PER_POOL=33
POOLS_MAX=7

[ $# = 0 ] || exec luna "$@"

for ((pool = 0; pool < POOLS_MAX; pool++)); do
  exec {lock}>"$LUNA_STATE_DIR/pool-$pool"
  if flock -n "$lock"; then
    LUNA_JOURNAL_SLOT_FIRST=$((pool * SLOTS_PER_POOL)) LUNA_JOURNAL_SLOT_COUNT=$SLOTS_PER_POOL exec fcgi-worker
  fi
  exec {lock}>&-
done
echo "worker.sh: $LUNA_STATE_DIR is used by $POOLS_MAX pools, the maximum; this one needs another directory, with its own quota-syncd" >&2
exit 78
