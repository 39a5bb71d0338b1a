#!/usr/bin/env bash
# Runs once before everything else and creates what is missing: passwords of 192 bits, the pepper, a
# certificate authority and a server certificate for development, each in a volume of the service
# that needs it; and sets the owners of folders.
#
# To use your own secrets or certificate, put them into the volumes first.
set -eu
umask 022
S=/secrets
UID_LUNA=10001 UID_NGINX=10003 UID_REDIS=10004

# put FILE: writes standard input to FILE, atomically, unless FILE exists.
put() {
  [ ! -s "$1" ] || { cat >/dev/null; return 0; }
  cat >"$1.new"
  mv "$1.new" "$1"
}
password() { openssl rand -hex 24; }
database_url() { printf 'postgresql://%s:%s@postgres:5432/luna\n' "$1" "$(cat "$S/postgres/$1")"; }

for role in postgres luna_worker luna_syncd luna_admin; do
  password | put "$S/postgres/$role"
done
for user in worker syncd admin owner; do
  password | put "$S/redis/$user"
done
openssl rand -hex 32 | put "$S/worker/key_pepper"
cp "$S/worker/key_pepper" "$S/admin/key_pepper"

database_url luna_worker | put "$S/worker/database_url"
database_url luna_syncd | put "$S/syncd/database_url"
database_url luna_admin | put "$S/admin/database_url"
database_url postgres | put "$S/migrate/database_url"
# An earlier version made one password for all, which Redis knows no more.
if [ -s "$S/redis/password" ]; then
  for user in worker syncd admin; do
    ! grep -qxF "redis://:$(cat "$S/redis/password")@redis:6379/0" "$S/$user/redis_url" || rm "$S/$user/redis_url"
  done
  rm "$S/redis/password"
fi
for user in worker syncd admin; do
  printf 'redis://luna_%s:%s@redis:6379/0\n' "$user" "$(cat "$S/redis/$user")" | put "$S/$user/redis_url"
done

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2>/dev/null; }

# A certificate is renewed a week before it expires; nginx loads it at its next start.
fresh() { [ -s "$1" ] && openssl x509 -in "$1" -checkend 604800 -noout >/dev/null; }

if ! fresh "$S/tls/server.crt"; then
  work=$(mktemp -d)
  key >"$work/ca.key"
  openssl req -x509 -new -key "$work/ca.key" -out "$work/ca.crt" -days 397 -subj "/O=Luna development/CN=Luna development CA" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
  key >"$work/server.key"
  openssl req -new -key "$work/server.key" -subj "/O=Luna development/CN=localhost" -out "$work/server.csr"
  cat >"$work/server.ext" <<EXT
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,DNS:${LUNA_SERVER_NAME:-localhost},IP:127.0.0.1,IP:::1
EXT
  openssl x509 -req -in "$work/server.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -CAcreateserial -days 397 \
    -extfile "$work/server.ext" -out "$work/server.crt" 2>/dev/null
  # The key of the authority is discarded: it signs only this certificate.
  cp "$work/server.key" "$work/ca.crt" "$S/tls/"
  cp "$work/server.crt" "$S/tls/server.crt"
  rm -rf "$work"
fi

# For the monitoring profile, when its volumes are there.
UID_GRAFANA=472
if [ -d "$S/grafana" ]; then
  password | put "$S/grafana/admin_password"
  chown -R "$UID_GRAFANA" "$S/grafana"
  chmod 0500 "$S/grafana"
fi
if [ -d "$S/ca" ]; then
  cp "$S/tls/ca.crt" "$S/ca/ca.crt"
fi

# Each volume holds only what one service reads, so that file modes need not distinguish the users
# of different images.
chown -R "$UID_LUNA:$UID_LUNA" "$S/worker" "$S/syncd" "$S/admin" "$S/migrate" /state
chown -R "$UID_NGINX:$UID_NGINX" "$S/tls"
chown -R "$UID_REDIS:$UID_REDIS" "$S/redis" /redis
chmod 0500 "$S/worker" "$S/syncd" "$S/admin" "$S/migrate" "$S/redis" "$S/tls"
chmod 0400 "$S/worker"/* "$S/syncd"/* "$S/admin"/* "$S/migrate"/*
chmod 0700 /state /redis
