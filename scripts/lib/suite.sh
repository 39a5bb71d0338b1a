# shellcheck shell=bash
# For the executables in tests/suites.d/: how each runs its tests and ends with the line "N passed,
# N failed".
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# suite_done PASSED FAILED: the last line, and the status that goes with it.
suite_done() {
  printf '%s passed, %s failed\n' "$1" "$2"
  [ "$2" = 0 ] || exit 1
  exit 0
}

# suite_long_only "$@": without --long there is nothing to do.
suite_long_only() {
  case " $* " in
    *" --long "*) ;;
    *) suite_done 0 0 ;;
  esac
}

# suite_end_by REPORT: counts in a JUnit report; a report that is missing, or of no test at all, is
# one failure.
suite_end_by() {
  local counts
  counts=$(python3 "$LUNA_ROOT/scripts/lib/junit_counts.py" "$1") || counts='0 1'
  rm -f "$1"
  # shellcheck disable=SC2086 # two words
  suite_done $counts
}

# suite_pytest ARG…: pytest on them, with the fixtures of tests/system at hand.
suite_pytest() {
  local report
  report=$(mktemp)
  (cd "$LUNA_ROOT" && PYTHONPATH=$LUNA_ROOT/tests/system PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest -q -rs \
    -p no:cacheprovider --junit-xml="$report" "$@") || true
  suite_end_by "$report"
}

# suite_ctest BUILD-FOLDER ARG…: one more at a time than there are cores, as some of them wait for
# time to pass.
suite_ctest() {
  local report build=$1
  shift
  report=$(mktemp)
  ctest --test-dir "$build" --output-on-failure --no-tests=error --output-junit "$report" -j $(($(nproc) + 1)) "$@" || true
  suite_end_by "$report"
}

# For a suite of several parts: each adds to PASSED and FAILED, and says what became of it.
PASSED=0 FAILED=0

# part NAME CMD…: one more check, passed or failed.
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

# counted CMD…: adds the counts of its last line "N passed, M failed".
counted() {
  local log last
  log=$(mktemp)
  ("$@") 2>&1 | tee "$log" || true # a subshell: a suite ends by exit
  last=$(tail -n 1 "$log")
  rm -f "$log"
  if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
    PASSED=$((PASSED + BASH_REMATCH[1])) FAILED=$((FAILED + BASH_REMATCH[2]))
  else
    FAILED=$((FAILED + 1)) && say "FAILED: no counts from $*"
  fi
}
