# shellcheck shell=bash
# For the executables in tests/suites.d/: each runs its tests and prints "N passed, N failed" as its
# last line.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# suite_done PASSED FAILED: prints the last line and exits with its status.
suite_done() {
  printf '%s passed, %s failed\n' "$1" "$2"
  [ "$2" = 0 ] || exit 1
  exit 0
}

# suite_long_only "$@": ends the suite without --long.
suite_long_only() {
  case " $* " in
    *" --long "*) ;;
    *) suite_done 0 0 ;;
  esac
}

# suite_end_by REPORT: ends with the counts of a JUnit report; a missing or empty report is one
# failure.
suite_end_by() {
  local counts
  counts=$(python3 "$LUNA_ROOT/scripts/lib/junit_counts.py" "$1") || counts='0 1'
  rm -f "$1"
  # shellcheck disable=SC2086 # two words
  suite_done $counts
}

# suite_pytest ARG…: runs pytest with the fixtures of tests/system.
suite_pytest() {
  local report
  report=$(mktemp)
  (cd "$LUNA_ROOT" && PYTHONPATH=$LUNA_ROOT/tests/system PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -rs \
    -p no:cacheprovider --junit-xml="$report" "$@") || true
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

# For a suite of several parts: each adds to PASSED and FAILED and prints its result.
PASSED=0 FAILED=0

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

# counted CMD…: adds the counts of the last line of its output, "N passed, M failed".
counted() {
  local log last
  log=$(mktemp)
  ("$@") 2>&1 | tee "$log" || true # a subshell, because a suite ends with exit
  last=$(tail -n 1 "$log")
  rm -f "$log"
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    PASSED=$((PASSED + BASH_REMATCH[1])) FAILED=$((FAILED + BASH_REMATCH[2]))
  else
    FAILED=$((FAILED + 1)) && say "FAILED: no counts from $*"
  fi
}
