# shellcheck shell=bash
# The line that a suite, and a whole run, ends with: written here, and read here.

# counts_line PASSED FAILED SKIPPED: what was not skipped is not spoken of.
counts_line() {
  local line="$1 passed, $2 failed"
  [ "$3" = 0 ] || line+=", $3 skipped"
  printf '%s\n' "$line"
}

# counts_add LINE: adds what it says to PASSED, FAILED and SKIPPED, and leaves its own number of
# failures in COUNTS_FAILED; fails when it is not such a line, or counts nothing at all.
counts_add() {
  [[ $1 =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]] || return 1
  [[ $1 != "0 passed, 0 failed" ]] || return 1
  COUNTS_FAILED=${BASH_REMATCH[2]}
  PASSED=$((PASSED + BASH_REMATCH[1])) FAILED=$((FAILED + COUNTS_FAILED)) SKIPPED=$((SKIPPED + ${BASH_REMATCH[4]:-0}))
}
