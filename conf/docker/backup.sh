#!/usr/bin/env bash
# A dump at once and then every BACKUP_INTERVAL_S seconds, whole or not at all; the BACKUPS_KEPT newest stay.
set -eu
PGPASSWORD=$(cat /run/secrets/postgres)
export PGPASSWORD
while true; do
  file=/backups/luna-$(date -u +%Y%m%dT%H%M%SZ).dump
  if pg_dump -h postgres -U postgres -d luna -Fc -f "$file.new"; then
    mv "$file.new" "$file"
    # shellcheck disable=SC2012 # names that this script made
    ls -1 /backups/luna-*.dump | sort -r | tail -n "+$((BACKUPS_KEPT + 1))" | xargs -r rm --
  fi
  sleep "$BACKUP_INTERVAL_S" &
  wait $!
done
