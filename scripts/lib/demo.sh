# shellcheck shell=bash
# The demo: an account, its settings file var/demo.env, and a request with the Nile series.

DEMO_SERIES=$LUNA_ROOT/tests/vectors/kalman/nile.csv

# json_field NAME: the value of a top-level string or number in one JSON object on standard input.
json_field() { sed -n "s/.*\"$1\" *: *\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" | head -n 1; }

# demo_account: the account of the previous start if its key still works, else a new one.
demo_account() {
  local answer name=demo
  if demo_account_answers; then return 0; fi
  if luna account show demo --json >/dev/null 2>&1; then name=demo-$(openssl rand -hex 4); fi
  answer=$(luna account create "$name" --quota 100000 --json) || die "cannot create the demo account"
  DEMO_ACCOUNT_ID=$(json_field id <<<"$answer")
  DEMO_API_KEY=$(json_field api_key <<<"$answer")
}

demo_account_answers() {
  [ -r "$LUNA_VAR/demo.env" ] || return 1
  DEMO_ACCOUNT_ID=$(sed -n 's/^LUNA_ACCOUNT_ID=//p' "$LUNA_VAR/demo.env")
  DEMO_API_KEY=$(sed -n 's/^LUNA_API_KEY=//p' "$LUNA_VAR/demo.env")
  [ -n "$DEMO_API_KEY" ] && demo_post '{"results":[1,2]}' >/dev/null 2>&1
}

# demo_post BODY: prints the response of POST …/kalman.
demo_post() {
  printf '%s' "$1" | curl -fsS -m 20 --cacert "$LUNA_VAR/tls/ca.crt" -H "X-API-Key: $DEMO_API_KEY" \
    -H 'Content-Type: application/json' --data-binary @- \
    "https://127.0.0.1:$LUNA_HTTPS_PORT/api/v1/$DEMO_ACCOUNT_ID/kalman"
}

# demo_env: writes the variables that a client of this stack needs.
demo_env() {
  local file=$LUNA_VAR/demo.env
  (umask 077 && cat >"$file.new") <<ENV
# Written by scripts/up:  . ${file#"$PWD"/}
LUNA_URL=https://127.0.0.1:$LUNA_HTTPS_PORT
LUNA_CA=$LUNA_VAR/tls/ca.crt
LUNA_ACCOUNT_ID=$DEMO_ACCOUNT_ID
LUNA_API_KEY=$DEMO_API_KEY
LUNA_METRICS_URL=http://127.0.0.1:$LUNA_MONITOR_PORT/metrics
LUNA_SYNCD_METRICS_URL=http://127.0.0.1:$LUNA_SYNCD_METRICS_PORT/metrics
LUNA_GATEWAY_METRICS_URL=http://127.0.0.1:$LUNA_GATEWAY_METRICS_PORT/metrics
DATABASE_URL=$(database_url luna_owner)
REDIS_URL=$(redis_url owner)
ENV
  mv "$file.new" "$file"
}

demo_body() {
  awk 'BEGIN { printf "{\"results\":[" } /^[-+.0-9]/ { printf "%s%s", sep, $1; sep = "," } END { print "]}" }' "$DEMO_SERIES"
}

# demo_show: sends the Nile series and prints the result.
demo_show() {
  local answer
  answer=$(demo_post "$(demo_body)") || die "the request with the Nile series failed (logs: $LUNA_VAR/log)"
  say ""
  say "The Nile at Aswan, 1871-1970, filtered by a local level (POST /api/v1/$DEMO_ACCOUNT_ID/kalman):"
  say ""
  printf '%s\n' "$answer" | awk -f "$LUNA_ROOT/scripts/lib/show.awk" -v first=1871
}

demo_next_steps() {
  local from=${LUNA_VAR#"$PWD"/}
  cat <<TXT

Luna listens on https://127.0.0.1:$LUNA_HTTPS_PORT. Next:

  . $from/demo.env
  curl --cacert "\$LUNA_CA" "\$LUNA_URL/api/v1/\$LUNA_ACCOUNT_ID/kalman" -H "X-API-Key: \$LUNA_API_KEY" -H 'Content-Type: application/json' -d '{"results":[1120,1160,963,1210]}'

TXT
}
