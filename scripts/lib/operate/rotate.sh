# shellcheck shell=bash
# Replaces a secret of a running service, step by step, so that no request fails: scripts/rotate for
# the stack of a checkout, luna-rotate for the packages. Every step may be interrupted; the same
# command, run again, goes on. The caller sets
#   ROTATE_SECRETS      the folder of the secrets
#   ROTATE_URLS         the files that have the passwords in a URL
#   ROTATE_REDIS_CONF   the settings of Redis, where the hashes of the passwords are
#   ROTATE_ROLES        the roles of PostgreSQL that have a password in ROTATE_SECRETS
#   ROTATE_TLS          the folder of server.key and server.crt
#   ROTATE_PEPPER_ENVS  settings files that name the pepper, those of the pools first
# and defines
#   rotate_redis_cli    runs redis-cli as luna_owner
#   rotate_sql          runs SQL from standard input as the superuser
#   rotate_reload       reloads the pools and quota-syncd, and fails if one of them refuses
#   rotate_certificate KEY CERTIFICATE   makes both, for development
#   rotate_gateway      checks nginx's files and reloads it
#   rotate_served       prints the certificate that nginx serves
#   rotate_health       luna health
#   rotate_luna         runs luna

rotate_usage() {
  cat <<TXT
Usage: ${0##*/} redis | postgresql | pepper [--finish] | tls [KEY CERTIFICATE]

Replace a running service's secret; no request fails. The command then runs luna health. If it is
interrupted, run it again.

Secrets
  redis        replace the passwords of the Redis users
  postgresql   replace the passwords of the PostgreSQL roles that the programs use
  pepper       replace the pepper of the API keys; keys of the old pepper remain valid
  pepper --finish
               remove the old pepper; this fails while a live key still needs it
  tls          create a new key and certificate for development, and use them in nginx
  tls KEY CERTIFICATE
               use the key in the file KEY and the certificate in the file CERTIFICATE in nginx; the
               files are in PEM format, and CERTIFICATE also contains the intermediate
               certificates
TXT
}

rotate_sha256() { tr -d '\n' | sha256sum | cut -d' ' -f1; }

# rotate_put FILE [LIKE]: writes standard input to FILE, atomically, with the owner and the mode of
# LIKE (default: FILE).
rotate_put() {
  local file=$1 like=${2:-$1}
  (umask 077 && cat >"$file.new")
  chown --reference="$like" "$file.new"
  chmod --reference="$like" "$file.new"
  mv "$file.new" "$file"
}

# rotate_next NAME: prints the secret that will replace NAME, which the first call makes.
rotate_next() {
  local file=$ROTATE_SECRETS/$1
  [ -s "$file" ] || die "there is no $file"
  [ -s "$file.next" ] || openssl rand -hex "${2:-24}" | rotate_put "$file.next" "$file"
  cat "$file.next"
}

# rotate_take NAME…: puts the next secrets in their places, and into the URLs of the old ones.
rotate_take() {
  local name old new url text
  for name; do
    old=$(cat "$ROTATE_SECRETS/$name") new=$(cat "$ROTATE_SECRETS/$name.next")
    for url in "${ROTATE_URLS[@]}"; do
      text=$(cat "$url")
      [[ $text != *"$old"* ]] || printf '%s\n' "${text//"$old"/$new}" | rotate_put "$url"
    done
    mv "$ROTATE_SECRETS/$name.next" "$ROTATE_SECRETS/$name"
  done
}

# rotate_acl USER HASH…: the passwords that the user may log in with, in the running Redis (in one
# command) and in its settings.
rotate_acl() {
  local user=$1 hashes
  shift
  hashes=$(printf ' #%s' "$@")
  # shellcheck disable=SC2086 # words
  [ "$(rotate_redis_cli ACL SETUSER "luna_$user" resetpass $hashes)" = OK ] || die "Redis refused the passwords of luna_$user"
  sed -E "s/^(user luna_$user on)( #[0-9a-f]{64})+/\1$hashes/" "$ROTATE_REDIS_CONF" | rotate_put "$ROTATE_REDIS_CONF"
}

rotate_redis() {
  local user users=(owner worker syncd admin)
  grep -q '^user luna_owner on #' "$ROTATE_REDIS_CONF" || die "$ROTATE_REDIS_CONF has one password for all programs: it was made by an earlier version"
  step "Redis accepts the old and the new passwords"
  for user in "${users[@]}"; do
    rotate_acl "$user" "$(rotate_sha256 <"$ROTATE_SECRETS/redis_$user")" "$(rotate_next "redis_$user" | rotate_sha256)"
  done
  step "the programs use the new passwords"
  rotate_take "${users[@]/#/redis_}"
  rotate_reload
  step "Redis refuses the old passwords"
  for user in "${users[@]}"; do
    rotate_acl "$user" "$(rotate_sha256 <"$ROTATE_SECRETS/redis_$user")"
  done
}

# rotate_both NAME…: puts the next secrets into PostgreSQL's URLs, and the old URLs below them.
rotate_both() {
  local name old new file url
  for name; do
    old=$(cat "$ROTATE_SECRETS/$name") new=$(rotate_next "$name")
    for file in "${ROTATE_URLS[@]}"; do
      url=$(head -n 1 "$file")
      [[ $url != postgres*:*"$old"* ]] || printf '%s\n' "${url//"$old"/$new}" "$url" | rotate_put "$file"
    done
  done
}

# rotate_first_lines: URLs have no second line any more.
rotate_first_lines() {
  local file url
  for file in "${ROTATE_URLS[@]}"; do
    url=$(head -n 1 "$file")
    [[ $url != postgres*:* ]] || printf '%s\n' "$url" | rotate_put "$file"
  done
}

# A role has one password, so the programs learn the next one before PostgreSQL does, and use the
# old one until then. Who had the old password may have changed the role's settings, which a new
# one does not undo.
rotate_postgresql() {
  local role
  step "the programs know the old and the new passwords"
  # shellcheck disable=SC2086 # words
  rotate_both $ROTATE_ROLES
  rotate_reload
  step "the roles get the new passwords"
  {
    # Keeps the passwords out of PostgreSQL's log.
    echo "SET log_statement = none; SET log_min_error_statement = panic; SET log_min_duration_statement = -1;"
    for role in $ROTATE_ROLES; do
      printf "ALTER ROLE %s PASSWORD '%s';\nALTER ROLE %s RESET ALL;\nALTER ROLE %s IN DATABASE luna RESET ALL;\n" "$role" "$(rotate_next "$role")" "$role" "$role"
    done
  } | rotate_sql
  step "the programs forget the old passwords"
  rotate_first_lines
  # shellcheck disable=SC2086 # words
  rotate_take $ROTATE_ROLES
  rotate_reload
}

# rotate_setting FILE NAME: the value in a settings file; "": it is not there.
rotate_setting() { sed -n "s/^\(export \)\?$2=\"\?\([^\"]*\)\"\?\$/\2/p" "$1" | tail -n 1; }

# rotate_peppers ID FILE PREVIOUS-ID PREVIOUS-FILE: writes these into every settings file.
rotate_peppers() {
  local env prefix quote
  for env in "${ROTATE_PEPPER_ENVS[@]}"; do
    prefix='' quote=''
    ! grep -q '^export ' "$env" || prefix='export ' quote='"'
    {
      sed -E '/^(export )?LUNA_KEY_PEPPER/d' "$env"
      printf "${prefix}LUNA_KEY_PEPPER_FILE=$quote%s$quote\n${prefix}LUNA_KEY_PEPPER_ID=%s\n" "$2" "$1"
      [ -z "$3" ] || printf "${prefix}LUNA_KEY_PEPPER_PREVIOUS_FILE=$quote%s$quote\n${prefix}LUNA_KEY_PEPPER_PREVIOUS_ID=%s\n" "$4" "$3"
    } | rotate_put "$env"
  done
}

# The steps of docs/OPERATIONS.md, "Replace the pepper".
rotate_pepper() {
  local env=${ROTATE_PEPPER_ENVS[0]} id file previous_id previous_file
  id=$(rotate_setting "$env" LUNA_KEY_PEPPER_ID) file=$(rotate_setting "$env" LUNA_KEY_PEPPER_FILE)
  id=${id:-1}
  previous_id=$(rotate_setting "$env" LUNA_KEY_PEPPER_PREVIOUS_ID) previous_file=$(rotate_setting "$env" LUNA_KEY_PEPPER_PREVIOUS_FILE)
  if [ "${previous_id:-0}" -gt "$id" ]; then
    step "going on with the pepper $previous_id"
  elif [ "${previous_id:-0}" -gt 0 ]; then
    die "the pepper $previous_id is still valid: run ${0##*/} pepper --finish first"
  else
    previous_id=$((id + 1)) previous_file=$ROTATE_SECRETS/key_pepper_$((id + 1))
    [ -s "$previous_file" ] || openssl rand -hex 32 | rotate_put "$previous_file" "$file"
    step "every pool accepts the pepper $previous_id too"
    rotate_peppers "$id" "$file" "$previous_id" "$previous_file"
    rotate_reload
  fi
  step "new keys and keys that are used get the pepper $previous_id"
  rotate_peppers "$previous_id" "$previous_file" "$id" "$file"
  rotate_reload
  say "keep a copy of $previous_file apart from the backups; ${0##*/} pepper --finish makes the pepper $id invalid"
}

# rotate_pepper_keys ID: how many live keys need it.
rotate_pepper_keys() {
  rotate_luna key peppers --json | tr -d ' \n' | grep -oE "\{[^}]*\"pepper_id\":$1[,}][^}]*" | sed -n 's/.*"live_keys":\([0-9]*\).*/\1/p'
}

rotate_pepper_finish() {
  local env=${ROTATE_PEPPER_ENVS[0]} id previous_id left
  previous_id=$(rotate_setting "$env" LUNA_KEY_PEPPER_PREVIOUS_ID)
  [ -n "$previous_id" ] || die "only one pepper is in force: nothing to finish"
  id=$(rotate_setting "$env" LUNA_KEY_PEPPER_ID)
  left=$(rotate_pepper_keys "$previous_id")
  [ "${left:-0}" = 0 ] || die "$left live keys still need the pepper $previous_id: luna key list shows when each was last used"
  step "the pepper $previous_id ends"
  rotate_peppers "$id" "$(rotate_setting "$env" LUNA_KEY_PEPPER_FILE)" "" ""
  rotate_reload
}

rotate_public_key() { openssl pkey -pubout -in "$1" 2>/dev/null; }
rotate_fingerprint() { openssl x509 -noout -fingerprint -sha256 2>/dev/null; }

# rotate_tls [KEY CERTIFICATE]
rotate_tls() {
  local key=${1:-$ROTATE_TLS/server.key.next} certificate=${2:-$ROTATE_TLS/server.crt.next} name
  [ $# = 2 ] || rotate_certificate "$key" "$certificate"
  [ "$(rotate_public_key "$key")" = "$(openssl x509 -noout -pubkey -in "$certificate" 2>/dev/null)" ] || die "$certificate is not the certificate of $key"
  openssl x509 -noout -checkend 0 -in "$certificate" >/dev/null || die "$certificate has expired"
  for name in key crt; do
    cp -p "$ROTATE_TLS/server.$name" "$ROTATE_TLS/server.$name.before"
  done
  rotate_put "$ROTATE_TLS/server.key" <"$key"
  rotate_put "$ROTATE_TLS/server.crt" <"$certificate"
  if ! rotate_gateway; then
    for name in key crt; do
      mv "$ROTATE_TLS/server.$name.before" "$ROTATE_TLS/server.$name"
    done
    die "nginx refuses the new files; it has the former ones"
  fi
  rm -f "$ROTATE_TLS"/server.{key,crt}.{before,next}
  wait_until 30 rotate_serves "$ROTATE_TLS/server.crt" || die "nginx does not serve the new certificate"
}

rotate_serves() { [ "$(rotate_served | rotate_fingerprint)" = "$(rotate_fingerprint <"$1")" ]; }

rotate_healthy() { wait_until 30 rotate_health || { rotate_health >&2 || true; return 1; }; }

rotate_main() {
  case $#:$* in
    1:redis | 1:postgresql | 1:pepper | 1:tls | 3:tls\ *) ;;
    2:"pepper --finish") ;;
    1:-h | 1:--help) rotate_usage && return 0 ;;
    *) rotate_usage >&2 && return 2 ;;
  esac
  rotate_healthy || die "the service is not healthy; nothing was changed"
  case $* in
    tls*) rotate_tls "${@:2}" ;;
    "pepper --finish") rotate_pepper_finish ;;
    *) "rotate_$1" ;;
  esac
  rotate_healthy || die "the secret is replaced, and luna health fails"
  rotate_health
}
