#!/usr/bin/env bash
# await.sh FILE COMMAND…: runs COMMAND once FILE is there. Docker starts a service after its secrets are made; an engine that knows
# no conditions starts everything at once.
set -eu
file=$1
shift
for ((i = 0; i < 600; i++)); do
  [ ! -s "$file" ] || exec "$@"
  sleep 0.1
done
echo "await.sh: no $file after a minute; the service \"setup\" makes it" >&2
exit 1
