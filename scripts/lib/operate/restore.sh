# shellcheck shell=bash
# Restores a backup, step by step: scripts/restore for the stack of a checkout, luna-restore for the
# packages. Sourced after backup.sh. The caller sets
#   BACKUP, IDENTITY    the folder of the backup; the file of age's private key, or ''
#   RESTORE_DUMP        where a decrypted dump is kept meanwhile
# and defines
#   pepper_file, pepper_env      print the names of the file of the pepper in force, and of the
#                       settings that name all peppers
#   restore_sql DATABASE         runs SQL from standard input as the superuser
#   restore_load DATABASE FILE   runs pg_restore as the superuser
#   restore_audit DATABASE       runs luna audit verify on it
#   restore_stop        stops every program of the service, so that no request starts it again
#   restore_stores      starts PostgreSQL and an empty Redis
#   restore_passwords   gives the roles their passwords and limits
#   restore_migrate     brings the database luna up to date
#   restore_book        runs quota-syncd until it has completed a round
#   restore_state NAME  keeps the folder of the journals under NAME, and makes an empty one
#   restore_start       starts the service

restore_check_peppers() {
  [ -s "$(pepper_file)" ] || die "first copy the pepper that was in use at the time of the backup to $(pepper_file): without it no API key is valid"
  peppers_check "$(backup_manifest "$BACKUP" peppers)"
}

# restore_decrypt: sets DUMP to the readable dump. A decrypted one is removed at the end.
restore_decrypt() {
  DUMP=$BACKUP/luna.dump
  [ -e "$BACKUP/luna.dump.age" ] || return 0
  [ -n "$IDENTITY" ] || die "$BACKUP is encrypted: give the private key by --identity FILE"
  DUMP=$RESTORE_DUMP
  rm -f "$DUMP"
  (umask 077 && backup_decrypt "$BACKUP" "$IDENTITY" "$DUMP")
  backup_check_dump "$DUMP"
}

# A dump grants privileges to roles, and does not make them.
restore_roles() {
  local role
  for role in luna_owner luna_worker luna_syncd luna_admin; do
    printf "SELECT 'CREATE ROLE %s' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') \\\\gexec\n" "$role" "$role"
  done | restore_sql postgres
  restore_passwords
}

restore_load_dump() {
  printf '%s\n' 'DROP DATABASE IF EXISTS luna_restoring;' 'CREATE DATABASE luna_restoring;' | restore_sql postgres
  restore_load luna_restoring "$DUMP" || die "cannot load the dump"
}

# restore_verify: its contents match the MANIFEST, and the audit log verifies.
restore_verify() {
  local counts
  counts=$(restore_sql luna_restoring <<<"$BACKUP_COUNTS;")
  grep -E '^(accounts|keys|events|units|used|heads)=' "$BACKUP/MANIFEST" | diff - <(printf '%s\n' "$counts") >&2 ||
    die "the loaded database does not match the MANIFEST (< MANIFEST, > database)"
  restore_audit luna_restoring || die "the audit log of the backup is inconsistent"
  printf '%s\n' "$counts" | grep -v '^heads=' | sed 's/^/    /'
}

# restore_swap: renames one after the other, while no program of the service runs. A dump does not
# have what the migrations grant on the database itself.
restore_swap() {
  local before=luna_before_$TIME
  [ -n "$(restore_sql postgres <<<"SELECT 1 FROM pg_database WHERE datname = 'luna'")" ] || before=
  if [ -n "$before" ]; then
    restore_sql postgres <<SQL
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'luna' \\g /dev/null
ALTER DATABASE luna RENAME TO $before;
SQL
    say "    the previous database is kept as $before"
  fi
  restore_sql postgres <<SQL
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'luna_restoring' \\g /dev/null
ALTER DATABASE luna_restoring RENAME TO luna;
GRANT CONNECT ON DATABASE luna TO luna_worker, luna_syncd, luna_admin;
REVOKE TEMPORARY ON DATABASE luna FROM PUBLIC;
GRANT TEMPORARY ON DATABASE luna TO luna_owner;
SQL
}

# restore_close_epochs: the journals may contain successes that were booked after the backup, or
# were only in Redis. The fence in the first round of quota-syncd books them. It must not refund
# units that are in the ledger but not in the journals, because journals drop epochs that were
# closed after the backup; a second journal directory in journal_hosts prevents that. Afterwards the
# old journals are moved away, because their epochs will be opened again.
restore_close_epochs() {
  restore_sql luna <<<"INSERT INTO journal_hosts (name) VALUES ('w00000000') ON CONFLICT (name) DO UPDATE SET seen_at = now();"
  restore_book
  [ -z "$(restore_sql luna <<<"SELECT 1 FROM accounts WHERE epoch_open LIMIT 1")" ] || die "quota-syncd did not close the epochs"
  say "    from the journals: $(restore_sql luna <<<"SELECT COALESCE(sum(delta), 0) FROM quota_events")" \
    "units in the ledger now, $(backup_manifest "$BACKUP" units) in the backup"
  restore_sql luna <<<"DELETE FROM journal_hosts;"
  restore_state "state_before_$TIME"
}

restore_main() {
  TIME=$(date -u +%Y%m%dt%H%M%Sz)
  step "Checking $BACKUP"
  backup_check "$BACKUP"
  restore_check_peppers
  trap 'rm -f "$RESTORE_DUMP"' EXIT
  restore_decrypt
  step "Stopping the service"
  trap 'rm -f "$RESTORE_DUMP"; restore_stop' EXIT
  restore_stop
  restore_stores
  step "Loading the backup into a second database and verifying it"
  restore_roles
  restore_load_dump
  restore_verify
  step "Replacing the current database"
  restore_swap
  restore_migrate
  restore_close_epochs
  restore_start
  trap - EXIT
  rm -f "$RESTORE_DUMP"
  restore_audit luna
  step "Luna runs, restored from $BACKUP"
}
