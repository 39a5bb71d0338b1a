# shellcheck shell=bash
# Processes of this stack: each starts in its own session, is identified by pid *and* start time,
# and is stopped only if both match. For each there are run/NAME.pid, run/NAME.started (the start
# time) and run/NAME.command.

pid_file() { printf '%s/run/%s.pid' "$LUNA_VAR" "$1"; }
proc_file() { printf '%s/run/%s.%s' "$LUNA_VAR" "$1" "$2"; }

# proc_stat PID: sets PROC_STATE, PROC_SESSION and PROC_STARTED; fails when there is no such
# process. (The name in parentheses may contain spaces.)
proc_stat() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  PROC_STATE=${fields[0]} PROC_SESSION=${fields[3]} PROC_STARTED=${fields[19]}
}

# proc_lives PID: it runs, and is not only waiting to be reaped.
proc_lives() { proc_stat "$1" && [[ $PROC_STATE != [ZX] ]]; }

# proc_recorded NAME: sets PROC_PID and PROC_RECORDED, the recorded pid and start time.
proc_recorded() {
  { read -r PROC_PID <"$(pid_file "$1")" && read -r PROC_RECORDED <"$(proc_file "$1" started)"; } 2>/dev/null
}

proc_runs() { proc_recorded "$1" && proc_lives "$PROC_PID" && [ "$PROC_STARTED" = "$PROC_RECORDED" ]; }

# proc_pid NAME: the pid of a process of this stack; fails when it is not running.
proc_pid() {
  proc_runs "$1" || return 1
  printf '%s' "$PROC_PID"
}

# proc_orphans NAME: the processes that it left behind when it was killed: those of its session. As
# long as there is one, no other process gets the pid of the session's first one.
proc_orphans() {
  local entry
  proc_recorded "$1" || return 0
  ! proc_stat "$PROC_PID" || [ "$PROC_STARTED" = "$PROC_RECORDED" ] || return 0
  for entry in /proc/[0-9]*; do
    ! proc_lives "${entry#/proc/}" || [ "$PROC_SESSION" != "$PROC_PID" ] || printf '%s\n' "${entry#/proc/}"
  done
}

proc_has_no_orphans() { [ -z "$(proc_orphans "$1")" ]; }

# proc_end_orphans NAME SIGNAL SECONDS: of a process that has ended.
proc_end_orphans() {
  local orphans
  mapfile -t orphans < <(proc_orphans "$1")
  [ ${#orphans[@]} -gt 0 ] || return 0
  kill -s "$2" "${orphans[@]}" 2>/dev/null || true
  wait_until "$3" proc_has_no_orphans "$1" && return 0
  mapfile -t orphans < <(proc_orphans "$1")
  kill -s KILL "${orphans[@]}" 2>/dev/null || true
  wait_until 5 proc_has_no_orphans "$1" || warn "cannot end what $1 left behind: ${orphans[*]}"
}

# proc_start NAME USER [NAME=VALUE…] CMD…: starts CMD with only this environment and its output in
# var/log/NAME.log.
proc_start() {
  local name=$1 user=$2 pid
  printf '%q ' "$@" >"$(proc_file "$name" command)"
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
  proc_stat "$pid" && printf '%s\n' "$PROC_STARTED" >"$(proc_file "$name" started)"
  printf '%s\n' "$pid" >"$(pid_file "$name").new"
  mv "$(pid_file "$name").new" "$(pid_file "$name")"
}

# proc_start_again NAME: with the same command, user and environment.
proc_start_again() {
  local words
  eval "words=($(<"$(proc_file "$1" command)"))"
  proc_start "${words[@]}"
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

# proc_stop NAME SIGNAL SECONDS: sends SIGNAL, waits, then sends SIGKILL; the same to the processes
# that it left behind.
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
  proc_end_orphans "$name" "$2" "$3"
  rm -f "$(pid_file "$name")" "$(proc_file "$name" started)" "$(proc_file "$name" command)"
}
