# shellcheck shell=bash
# For scripts/test: runs suites one after the other, and adds up what their last lines say.
. "$(dirname "${BASH_SOURCE[0]}")/counts.sh"

suite_name() {
  local name=${1##*/}
  printf '%s' "${name#[0-9][0-9]-}"
}

# run_suite FILE: adds its counts to PASSED, FAILED and SKIPPED, its reasons to skip to REASONS. A
# suite that ends without its line of counts, or with a status that they do not explain, failed.
run_suite() {
  local name log status=0 last began=$SECONDS
  name=$(suite_name "$1")
  log=$LUNA_VAR/log/test-$name.log
  step "$name"
  "$1" "${LONG[@]}" 2>&1 | tee "$log" || status=$?
  last=$(tail -n 1 "$log")
  if ! counts_add "$last" || { [ "$status" != 0 ] && [ "$COUNTS_FAILED" = 0 ]; }; then
    warn "the suite $name was aborted with status $status"
    FAILED=$((FAILED + 1))
  fi
  SUMMARY+=("$(printf '%-14s %4d s   %s' "$name" $((SECONDS - began)) "$last")")
  mapfile -t -O "${#REASONS[@]}" REASONS < <(sed -n "s/^skipped: /skipped: $name: /p" "$log")
}

# suites_run FILE…: a line for each, the reasons of all that was skipped, and the total; fails when
# anything did. LONG holds --long or nothing.
suites_run() {
  local file
  PASSED=0 FAILED=0 SKIPPED=0 REASONS=()
  SUMMARY=("$(printf '%-14s %4d s   packages and build' set-up "$SECONDS")")
  for file in "$@"; do
    run_suite "$file"
  done
  say ""
  printf '%s\n' "${SUMMARY[@]}" "${REASONS[@]}"
  counts_line "$PASSED" "$FAILED" "$SKIPPED"
  [ "$FAILED" = 0 ]
}
