# shellcheck shell=bash
# Backups: a folder luna-TIME with the dump and a MANIFEST of its contents. Only PostgreSQL is
# backed up: Redis is rebuilt from it.

BACKUP_PATTERN='luna-[0-9]*T[0-9]*Z'

# The contents of a ledger, as NAME=VALUE lines. `heads` is a hash over the heads of all audit
# chains.
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

# backup_all FOLDER: its complete backups, oldest first.
backup_all() { find "$1" -mindepth 2 -maxdepth 2 -path "$1/$BACKUP_PATTERN/MANIFEST" -printf '%h\n' | sort; }

# backup_dump FOLDER: dumps and counts one snapshot. The session that exports the snapshot has to
# stay open while pg_dump reads.
backup_dump() {
  PG_DUMP="$PG_BIN/pg_dump" DUMP=$1/luna.dump "${BACKUP_PSQL[@]}" >"$1/counts" <<SQL
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SELECT pg_export_snapshot() AS snapshot \\gset
$BACKUP_COUNTS;
$BACKUP_PEPPERS;
SELECT 'postgresql=' || current_setting('server_version');
\\setenv SNAPSHOT :snapshot
\\! "\$PG_DUMP" --format=custom --snapshot="\$SNAPSHOT" --file="\$DUMP" && touch "\$DUMP.complete"
COMMIT;
SQL
  rm "$1/luna.dump.complete" 2>/dev/null || die "pg_dump failed"
}

# backup_check_dump FILE: its table of contents lists the ledger, and every block can be read. (grep
# without -q reads all of its input; with -q it would exit early, and pg_restore would fail with
# EPIPE.)
backup_check_dump() {
  "$PG_BIN/pg_restore" --list "$1" | grep ' TABLE DATA public quota_events_' >/dev/null || die "$1 contains no audit log"
  "$PG_BIN/pg_restore" --file=/dev/null "$1" || die "$1 is damaged or incomplete"
}

# backup_file FOLDER: its dump, which may be encrypted.
backup_file() {
  if [ -e "$1/luna.dump.age" ]; then printf '%s' "$1/luna.dump.age"; else printf '%s' "$1/luna.dump"; fi
}

# backup_check_recipients FILE: age is installed and reads the public keys in FILE.
backup_check_recipients() {
  command -v age >/dev/null || die "--encrypt-to needs age (on Debian: apt-get install age)"
  age --encrypt --recipients-file "$1" </dev/null >/dev/null || die "$1 contains no public keys of age"
}

# backup_encrypt FOLDER FILE: for the public keys in FILE. The dump was checked before, because here
# nobody can read it afterwards.
backup_encrypt() {
  age --encrypt --recipients-file "$2" --output "$1/luna.dump.age" "$1/luna.dump" || die "age failed"
  rm "$1/luna.dump"
}

# backup_decrypt FOLDER FILE OUTPUT: by the private key in FILE.
backup_decrypt() {
  command -v age >/dev/null || die "the backup is encrypted; decrypting it needs age (on Debian: apt-get install age)"
  age --decrypt --identity "$2" --output "$3" "$1/luna.dump.age" || die "the private key in $2 does not decrypt $1"
}

# backup_note FOLDER: in the database, for the metric of the last backup.
backup_note() {
  local taken
  taken=$(backup_manifest "$1" taken_at)
  "${BACKUP_PSQL[@]}" -c "SELECT luna_backup_note(to_timestamp('$taken', 'YYYYMMDD\"T\"HH24MISS\"Z\"')::timestamp AT TIME ZONE 'UTC',
    $(stat -c %s "$(backup_file "$1")"))" >/dev/null || warn "the time of the backup could not be noted in the database"
}

# backup_check FOLDER: it is complete and unchanged.
backup_check() {
  [ -f "$1/MANIFEST" ] || die "$1 is not a complete backup: it has no MANIFEST"
  [ "$(backup_manifest "$1" format)" = 1 ] || die "$1/MANIFEST has an unknown format"
  [ "$(backup_sha256 "$(backup_file "$1")")" = "$(backup_manifest "$1" dump_sha256)" ] ||
    die "$(backup_file "$1") was changed: its SHA-256 differs from the one in MANIFEST"
  [ ! -e "$1/luna.dump" ] || backup_check_dump "$1/luna.dump"
}

# The peppers that the database knows, oldest first: their ids, fingerprints, and how many live keys
# have their digest under each. A fingerprint does not reveal its pepper.
BACKUP_PEPPERS="SELECT 'peppers=' || COALESCE(string_agg(p.id || ':' || encode(p.fingerprint, 'hex') || ':' ||
    (SELECT count(*) FROM api_keys k WHERE k.pepper_id = p.id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())),
    ',' ORDER BY p.id), '') FROM peppers p"

# peppers_here: the peppers of this stack's settings, one ID:FINGERPRINT on a line.
peppers_here() (
  LUNA_KEY_PEPPER_FILE=$(secret_file key_pepper)
  export LUNA_KEY_PEPPER_FILE
  set -a
  [ ! -s "$(pepper_env)" ] || . "$(pepper_env)"
  "$LUNA_BUILD/bin/luna" key fingerprints --json | tr -d ' \n' |
    grep -oE '"pepper_id":[0-9]+,"fingerprint":"[0-9a-f]+"' | sed 's/"pepper_id":\([0-9]*\),"fingerprint":"\([0-9a-f]*\)"/\1:\2/'
)

# peppers_check PEPPERS: are they, as BACKUP_PEPPERS writes them, those of this stack? A key is only
# valid with the pepper that its digest was made with.
peppers_check() {
  local here known id fingerprint keys valid=0 lost=0
  here=$(peppers_here)
  while IFS=: read -r id fingerprint keys; do
    [ -n "$id" ] || continue
    known=$(sed -n "s/^$id://p" <<<"$here")
    if [ "$known" = "$fingerprint" ]; then
      valid=$((valid + keys))
    elif [ -n "$known" ]; then
      die "the pepper $id of $(pepper_env) is not the pepper $id of the backup: its API keys would not be valid"
    elif [ "$keys" -gt 0 ]; then
      lost=$((lost + keys))
      warn "$keys live API keys need the pepper $id (fingerprint ${fingerprint:0:12}…), which $(pepper_env) does not name"
    fi
  done <<<"${1//,/$'\n'}"
  [ "$lost" = 0 ] || [ "$valid" -gt 0 ] || die "no API key would be valid: name the pepper of the backup in $(pepper_env)"
}

# backup_write_manifest FOLDER TIME
backup_write_manifest() {
  {
    printf 'format=1\ntaken_at=%s\ndump_sha256=%s\n' "$2" "$(backup_sha256 "$(backup_file "$1")")"
    cat "$1/counts"
  } >"$1/MANIFEST.new"
  rm "$1/counts"
  sync "$(backup_file "$1")" "$1/MANIFEST.new"
  mv "$1/MANIFEST.new" "$1/MANIFEST"
}

# backup_remove_old FOLDER KEPT: only folders that are complete backups; the new one is among those
# kept.
backup_remove_old() {
  local old
  backup_all "$1" | head -n "-$2" | while read -r old; do
    rm -f -- "$old/luna.dump" "$old/luna.dump.age" "$old/MANIFEST"
    rmdir -- "$old" || warn "$old contains other files and is kept"
  done
}

# backup_make FOLDER KEPT RECIPIENTS: writes a backup into the folder, encrypted unless RECIPIENTS
# is '', and prints its name. The caller sets BACKUP_PSQL, the command that connects to the database
# as its owner, and PG_BIN, where pg_dump is, which connects in the same way.
backup_make() {
  local time folder
  umask 077
  mkdir -p "$1"
  exec 8>"$1/.lock"
  flock -n 8 || die "another backup is being written to $1"
  rm -rf -- "$1/.partial"
  mkdir "$1/.partial"
  time=$(date -u +%Y%m%dT%H%M%SZ)
  folder=$1/luna-$time
  [ ! -e "$folder" ] || die "$folder already exists; wait a second"
  backup_dump "$1/.partial"
  backup_check_dump "$1/.partial/luna.dump"
  [ -z "$3" ] || backup_encrypt "$1/.partial" "$3"
  backup_write_manifest "$1/.partial" "$time"
  mv "$1/.partial" "$folder"
  backup_note "$folder"
  backup_remove_old "$1" "$2"
  say "$folder"
}
