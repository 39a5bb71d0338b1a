# shellcheck shell=bash
# For scripts/test: runs suites in two lanes, and adds up what their last lines say.
. "$(dirname "${BASH_SOURCE[0]}")/counts.sh"

suite_name() {
  local name=${1##*/}
  printf '%s' "${name#[0-9][0-9]-}"
}

suite_log() { printf '%s' "$LUNA_VAR/log/test-$(suite_name "$1").log"; }

# suite_is_check FILE: a suite below 40 needs no stack and can run beside one that starts one.
suite_is_check() {
  local name=${1##*/}
  [ "${name%%-*}" -lt 40 ]
}

# run_suite FILE: leaves its output in its log, its status and its seconds beside it.
run_suite() {
  local log status=0 began=$SECONDS
  log=$(suite_log "$1")
  step "$(suite_name "$1")"
  "$1" "${LONG[@]}" 2>&1 | tee "$log" || status=$?
  printf '%s %s\n' "$status" $((SECONDS - began)) >"$log.end"
}

# lane FILE…: runs them one after the other.
lane() {
  local file
  for file in "$@"; do
    run_suite "$file"
  done
}

# count_suite FILE: adds its counts to PASSED, FAILED and SKIPPED, its reasons to skip to REASONS. A
# suite that ends without its line of counts, or with a status that they do not explain, failed.
count_suite() {
  local name log status=1 took=0 last
  name=$(suite_name "$1")
  log=$(suite_log "$1")
  [ ! -f "$log.end" ] || read -r status took <"$log.end"
  last=$(tail -n 1 "$log")
  if ! counts_add "$last" || { [ "$status" != 0 ] && [ "$COUNTS_FAILED" = 0 ]; }; then
    warn "the suite $name was aborted with status $status"
    FAILED=$((FAILED + 1))
  fi
  SUMMARY+=("$(printf '%-14s %4d s   %s' "$name" "$took" "$last")")
  mapfile -t -O "${#REASONS[@]}" REASONS < <(sed -n "s/^skipped: /skipped: $name: /p" "$log")
}

# lane_end PID: the lane is a process group of its own, so that an interrupt ends all of it.
lane_end() { kill -TERM -- "-$1" 2>/dev/null || true; }

# lanes_run: the checks and the suites that start a stack, side by side; the checks' output follows
# at the end, because two outputs at once cannot be read.
lanes_run() {
  local output=$LUNA_VAR/log/test-checks.log lane
  step "beside the others: $(for file in "${CHECKS[@]}"; do suite_name "$file" && printf ' '; done)"
  set -m # gives the lane its process group
  lane "${CHECKS[@]}" >"$output" 2>&1 </dev/null &
  lane=$!
  set +m
  # shellcheck disable=SC2064 # the lane of now
  trap "lane_end $lane" EXIT
  trap 'exit 130' INT TERM
  lane "${SERVICES[@]}"
  wait "$lane" || true
  trap - EXIT INT TERM
  cat "$output"
}

# suites_run FILE…: a line for each, the reasons of all that was skipped, and the total; fails when
# anything did. LONG holds --long or nothing.
suites_run() {
  local file
  PASSED=0 FAILED=0 SKIPPED=0 REASONS=() CHECKS=() SERVICES=()
  SUMMARY=("$(printf '%-14s %4d s   packages and build' set-up "$SECONDS")")
  for file in "$@"; do
    rm -f "$(suite_log "$file")" "$(suite_log "$file").end"
    if suite_is_check "$file"; then CHECKS+=("$file"); else SERVICES+=("$file"); fi
  done
  if [ ${#CHECKS[@]} = 0 ] || [ ${#SERVICES[@]} = 0 ]; then lane "$@"; else lanes_run; fi
  for file in "$@"; do
    count_suite "$file"
  done
  say ""
  printf '%s\n' "${SUMMARY[@]}" "${REASONS[@]}"
  counts_line "$PASSED" "$FAILED" "$SKIPPED"
  [ "$FAILED" = 0 ]
}
