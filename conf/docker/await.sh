#!/usr/bin/env bash
# await.sh FILE COMMAND…: runs COMMAND once FILE exists. Docker starts a service after its secrets
# are created; an engine without conditions starts everything at once.
set -eu
file=$1
shift
for ((i = 0; i < 600; i++)); do
  [ ! -s "$file" ] || exec "$@"
  sleep 0.1
done
echo "await.sh: $file does not exist after a minute; the service \"setup\" creates it" >&2
exit 1
