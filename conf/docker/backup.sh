#!/usr/bin/env bash
# Writes a dump at once and then every BACKUP_INTERVAL_S seconds, atomically; keeps the newest
# BACKUPS_KEPT.
set -eu
PGPASSWORD=$(cat /run/secrets/postgres)
export PGPASSWORD
while true; do
  file=/backups/luna-$(date -u +%Y%m%dT%H%M%SZ).dump
  if pg_dump -h postgres -U postgres -d luna -Fc -f "$file.new"; then
    mv "$file.new" "$file"
    # shellcheck disable=SC2012 # names written by this script
    ls -1 /backups/luna-*.dump | sort -r | tail -n "+$((BACKUPS_KEPT + 1))" | xargs -r rm --
  fi
  sleep "$BACKUP_INTERVAL_S" &
  wait $!
done
