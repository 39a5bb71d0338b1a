# shellcheck shell=bash
# Processes of this stack: each starts in its own session, is identified by pid *and* start time,
# and is stopped only if both match.

pid_file() { printf '%s/run/%s.pid' "$LUNA_VAR" "$1"; }

# The start time of a process (field 22 of stat; the name in parentheses may contain spaces).
proc_started() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  stat=${stat##*) }
  # shellcheck disable=SC2086 # fields
  set -- $stat
  case $1 in
    Z | X) return 1 ;;
  esac
  printf '%s' "${20}"
}

# proc_pid NAME: the pid of a process of this stack; fails when it is not running.
proc_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$(pid_file "$1")" || return 1
  [ "$(proc_started "$pid")" = "$started" ] || return 1
  printf '%s' "$pid"
}

proc_runs() { proc_pid "$1" >/dev/null; }

# proc_start NAME USER [NAME=VALUE…] CMD…: starts CMD with only this environment and its output in
# var/log/NAME.log.
proc_start() {
  local name=$1 user=$2 pid
  shift 2
  local environment=()
  while [[ $1 == *=* ]]; do
    environment+=("$1")
    shift
  done
  as_user_command "$user"
  # Descriptors 8 and 9 are locks of scripts/up: a server must not inherit them.
  env -i PATH="$PATH" LANG=C.UTF-8 "${environment[@]}" "${AS_USER[@]}" setsid "$@" \
    >>"$LUNA_VAR/log/$name.log" 2>&1 </dev/null 8>&- 9<&- &
  pid=$!
  printf '%s %s\n' "$pid" "$(proc_started "$pid")" >"$(pid_file "$name")"
}

# Far more than a start takes, also on a busy machine. A process that exits is noticed at once.
START_TIMEOUT_S=180

# proc_await NAME CMD…: waits until CMD succeeds and the process is running. The process is checked
# last: if another server has the port, CMD may reach that one, while ours exits.
proc_await() {
  local name=$1 end=$((SECONDS + START_TIMEOUT_S))
  shift
  until "$@" >/dev/null 2>&1 && proc_runs "$name"; do
    if ! proc_runs "$name" || [ "$SECONDS" -ge "$end" ]; then
      tail -n 15 "$LUNA_VAR/log/$name.log" >&2
      die "$name did not start (log: $LUNA_VAR/log/$name.log)"
    fi
    sleep 0.05
  done
}

proc_gone() { ! proc_runs "$1"; }

# proc_stop NAME SIGNAL SECONDS: sends SIGNAL, waits, then sends SIGKILL.
proc_stop() {
  local name=$1 pid
  if pid=$(proc_pid "$name"); then
    kill -s "$2" "$pid" 2>/dev/null || true
    if ! wait_until "$3" proc_gone "$name"; then
      warn "$name did not stop in $3 s: killing it"
      pid=$(proc_pid "$name") && kill -s KILL "$pid" 2>/dev/null
      wait_until 5 proc_gone "$name" || warn "cannot stop $name (pid $pid)"
    fi
  fi
  rm -f "$(pid_file "$name")"
}
