# shellcheck shell=bash
# For the executables in tests/suites.d/: each runs its tests and prints "N passed, N failed" or
# "N passed, N failed, N skipped" as its last line. Each reason for a skip is on a line of its own
# that begins with "skipped: ".
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
. "$(dirname "${BASH_SOURCE[0]}")/counts.sh"

# suite_done PASSED FAILED [SKIPPED]: prints the last line and exits with its status.
suite_done() {
  counts_line "$1" "$2" "${3:-0}"
  [ "$2" = 0 ] || exit 1
  exit 0
}

# suite_skip REASON: ends a suite that runs nothing.
suite_skip() {
  say "skipped: $*"
  suite_done 0 0 1
}

# suite_long_only "$@": ends the suite without --long.
suite_long_only() {
  case " $* " in
    *" --long "*) ;;
    *) suite_skip "needs --long" ;;
  esac
}

# suite_end_by REPORT: ends with the counts of a JUnit report, after the reasons for its skips; a
# missing or empty report is one failure.
suite_end_by() {
  local counted counts
  counted=$(python3 "$LUNA_ROOT/scripts/lib/junit_counts.py" "$1") || counted='0 1 0'
  rm -f "$1"
  sed -n '2,$s/^/skipped: /p' <<<"$counted"
  read -ra counts <<<"$counted"
  suite_done "${counts[@]}"
}

# suite_pytest ARG…: runs pytest with the fixtures of tests/system.
suite_pytest() {
  local report folder
  report=$(mktemp)
  # A folder of its own: the one that all runs of a user share is closed to others by each start.
  folder=$(mktemp -d)
  (cd "$LUNA_ROOT" && PYTHONPATH=$LUNA_ROOT/tests/system PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -rs --durations=10 --durations-min=5 \
    -p no:cacheprovider --basetemp="$folder/tests" --junit-xml="$report" "$@") || true
  rm -rf "$folder"
  suite_end_by "$report"
}

# suite_ctest BUILD-FOLDER ARG…: runs one more test at a time than there are cores, because some
# tests sleep.
suite_ctest() {
  local report build=$1
  shift
  report=$(mktemp)
  ctest --test-dir "$build" --output-on-failure --no-tests=error --output-junit "$report" -j $(($(nproc) + 1)) "$@" || true
  suite_end_by "$report"
}

# For a suite of several parts: each adds to PASSED, FAILED or SKIPPED and prints its result.
PASSED=0 FAILED=0 SKIPPED=0

# part NAME CMD…: runs one check.
part() {
  local name=$1 log
  shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    PASSED=$((PASSED + 1)) && say "ok: $name"
  else
    FAILED=$((FAILED + 1)) && say "FAILED: $name" && tail -n 40 "$log"
  fi
  rm -f "$log"
}

# skip REASON: counts one part as skipped.
skip() {
  SKIPPED=$((SKIPPED + 1))
  say "skipped: $*"
}

# counted CMD…: adds the counts of the last line of its output.
counted() {
  local log
  log=$(mktemp)
  ("$@") 2>&1 | tee "$log" || true # a subshell, because a suite ends with exit
  counts_add "$(tail -n 1 "$log")" || { FAILED=$((FAILED + 1)) && say "FAILED: no counts from $*"; }
  rm -f "$log"
}
