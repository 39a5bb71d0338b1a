#!/usr/bin/env bash
# Writes a dump at once and then every BACKUP_INTERVAL_S seconds, atomically, and reads it back;
# keeps the newest BACKUPS_KEPT. Each complete one is noted in the database, for a metric and the
# alert LunaBackupOld.
set -eu
export PGHOST=postgres PGUSER=postgres PGDATABASE=luna
PGPASSWORD=$(cat /run/secrets/postgres)
export PGPASSWORD

back_up() {
  local file
  file=/backups/luna-$(date -u +%Y%m%dT%H%M%SZ).dump
  rm -f /backups/*.new
  pg_dump -Fc -f "$file.new" && pg_restore -f /dev/null "$file.new" || return 1
  mv "$file.new" "$file"
  psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -c "SELECT luna_backup_note(date_trunc('second', now()), $(stat -c %s "$file"))"
  # shellcheck disable=SC2012 # names written by this script
  ls -1 /backups/luna-*.dump | sort -r | tail -n "+$((BACKUPS_KEPT + 1))" | xargs -r rm --
}

while true; do
  back_up || echo "backup.sh: the backup failed; the next one is in $BACKUP_INTERVAL_S s" >&2
  sleep "$BACKUP_INTERVAL_S" &
  wait $!
done
