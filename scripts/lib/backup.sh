# shellcheck shell=bash
# Backups: a folder luna-TIME with the dump and a MANIFEST that says what has to be in it.
# PostgreSQL is the only store that is kept: Redis is rebuilt from it.

BACKUP_PATTERN='luna-[0-9]*T[0-9]*Z'

# What a ledger holds, as NAME=VALUE lines. `heads` stands for every account's whole audit chain.
BACKUP_COUNTS="SELECT 'accounts=' || count(*) FROM accounts
UNION ALL SELECT 'keys=' || count(*) FROM api_keys
UNION ALL SELECT 'events=' || count(*) FROM quota_events
UNION ALL SELECT 'units=' || COALESCE(sum(delta), 0) FROM quota_events
UNION ALL SELECT 'used=' || COALESCE(sum(quota_used), 0) FROM accounts
UNION ALL SELECT 'heads=' || encode(sha256(convert_to(COALESCE(string_agg(
    id || ' ' || chain_seq || ' ' || encode(chain_hash, 'hex'), ',' ORDER BY id), ''), 'UTF8')), 'hex') FROM accounts"

# backup_manifest FOLDER NAME: a value of its MANIFEST.
backup_manifest() { sed -n "s/^$2=//p" "$1/MANIFEST"; }

backup_sha256() { sha256sum "$1" | cut -d ' ' -f 1; }

# backup_latest FOLDER: the newest backup in it; fails when there is none.
backup_latest() {
  local found
  found=$(backup_all "$1" | tail -n 1)
  [ -n "$found" ] && printf '%s\n' "$found"
}

# backup_all FOLDER: the finished ones, oldest first.
backup_all() { find "$1" -mindepth 2 -maxdepth 2 -path "$1/$BACKUP_PATTERN/MANIFEST" -printf '%h\n' | sort; }

# backup_dump FOLDER: one snapshot, dumped and counted. The session that exports the snapshot has to
# live while pg_dump reads.
backup_dump() {
  PG_DUMP="$PG_BIN/pg_dump" DUMP=$1/luna.dump "${BACKUP_PSQL[@]}" >"$1/counts" <<SQL
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \\gset
$BACKUP_COUNTS;
SELECT 'postgresql=' || current_setting('server_version');
\\setenv SNAPSHOT :snapshot
\\! "\$PG_DUMP" --format=custom --snapshot="\$SNAPSHOT" --file="\$DUMP" && touch "\$DUMP.complete"
COMMIT;
SQL
  rm "$1/luna.dump.complete" 2>/dev/null || die "pg_dump failed"
}

# backup_check_dump FILE: its table of contents names the ledger, and every block of it can be read.
# (grep reads it to its end: with -q it would leave in the middle, and pg_restore, which still
# writes, would fail.)
backup_check_dump() {
  "$PG_BIN/pg_restore" --list "$1" | grep ' TABLE DATA public quota_events_' >/dev/null || die "$1 holds no audit log"
  "$PG_BIN/pg_restore" --file=/dev/null "$1" || die "$1 cannot be read to its end"
}

# backup_check FOLDER: whole and unchanged since it was taken.
backup_check() {
  [ -f "$1/MANIFEST" ] || die "$1 is no finished backup: it has no MANIFEST"
  [ "$(backup_manifest "$1" format)" = 1 ] || die "$1/MANIFEST has a format that this program does not know"
  [ "$(backup_sha256 "$1/luna.dump")" = "$(backup_manifest "$1" dump_sha256)" ] ||
    die "$1/luna.dump is not what was backed up: its SHA-256 differs from the MANIFEST's"
  backup_check_dump "$1/luna.dump"
}

# Keys are kept as digests under the pepper, so a ledger with another pepper opens for nobody. The
# pepper has 256 random bits: its hash tells nothing of it.
backup_pepper_sha256() { backup_sha256 "$(secret_file key_pepper)"; }
