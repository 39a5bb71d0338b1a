# shellcheck shell=bash
# Secrets and certificates of this stack: created once, kept under var/, readable only by their
# user.

SECRET_NAMES=(postgres luna_owner luna_worker luna_syncd luna_admin redis_owner redis_worker redis_syncd redis_admin)

secret_file() { printf '%s/secrets/%s' "$LUNA_VAR" "$1"; }
secret() { cat "$(secret_file "$1")"; }
secret_sha256() { secret "$1" | tr -d '\n' | sha256sum | cut -d' ' -f1; }

# secret_write NAME VALUE: mode 0600, written atomically.
secret_write() {
  local file
  file=$(secret_file "$1")
  (umask 077 && printf '%s\n' "$2" >"$file.new")
  [ "$(id -un)" = "$SERVICE_USER" ] || chown "$SERVICE_USER:" "$file.new"
  mv "$file.new" "$file"
}

# secrets_make: creates passwords of 192 bits, and the pepper of the API keys' digests.
secrets_make() {
  local name
  own "$SERVICE_USER" 700 "$LUNA_VAR/secrets"
  for name in "${SECRET_NAMES[@]}"; do
    [ -s "$(secret_file "$name")" ] || secret_write "$name" "$(openssl rand -hex 24)"
  done
  [ -s "$(secret_file key_pepper)" ] || secret_write key_pepper "$(openssl rand -hex 32)"
  [ -s "$(pepper_env)" ] || printf 'LUNA_KEY_PEPPER_FILE=%s\nLUNA_KEY_PEPPER_ID=1\n' "$(secret_file key_pepper)" >"$(pepper_env)"
}

# The settings that name the peppers in force; scripts/rotate changes them.
pepper_env() { printf '%s/etc/pepper.env' "$LUNA_VAR"; }
pepper_file() { sed -n 's/^LUNA_KEY_PEPPER_FILE=//p' "$(pepper_env)" 2>/dev/null | grep . || secret_file key_pepper; }

# tls_make: creates a certificate authority for this checkout and a server certificate for loopback;
# both are renewed a week before they expire.
tls_make() {
  local tls=$LUNA_VAR/tls
  own "$(id -un)" 755 "$tls"
  [ -s "$tls/ca.crt" ] && openssl x509 -in "$tls/ca.crt" -checkend 604800 -noout >/dev/null || tls_make_ca "$tls"
  [ -s "$tls/server.crt" ] && openssl x509 -in "$tls/server.crt" -checkend 604800 -noout >/dev/null ||
    tls_make_server "$tls"
  [ "$(id -un)" = "$GATEWAY_USER" ] || chown "$GATEWAY_USER:" "$tls/server.key"
}

tls_key() { (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null); }

tls_make_ca() {
  tls_key "$1/ca.key"
  openssl req -x509 -new -key "$1/ca.key" -out "$1/ca.crt" -days 3650 -subj "/O=Luna development/CN=Luna development CA" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
  rm -f "$1/server.crt"
}

tls_make_server() {
  tls_key "$1/server.key"
  openssl req -new -key "$1/server.key" -subj "/O=Luna development/CN=localhost" -out "$1/server.csr"
  cat >"$1/server.ext" <<'EXT'
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1
EXT
  openssl x509 -req -in "$1/server.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 397 \
    -extfile "$1/server.ext" -out "$1/server.crt" 2>/dev/null
  rm -f "$1/server.csr" "$1/server.ext"
}
