# shellcheck shell=bash
# The users that the servers run as. Started by an ordinary user, everything runs as that user.
# Started by root, PostgreSQL runs as `postgres` and everything else as `www-data`, with setpriv; no
# server of this stack runs as root.

if is_root; then
  PG_USER=postgres SERVICE_USER=www-data
else
  PG_USER=$(id -un) SERVICE_USER=$PG_USER
fi

# These users cannot enter a checkout under a directory that is closed to other users (mktemp -d,
# for example); their processes then keep one capability for it.
AS_USER_CAPS=()

# as_user_command USER: sets AS_USER to the command prefix that runs a command as USER.
as_user_command() {
  AS_USER=()
  [ "$(id -un)" != "$1" ] || return 0
  AS_USER=(setpriv "--reuid=$1" "--regid=$(id -g "$1")" --init-groups "${AS_USER_CAPS[@]}" --)
}

as_user() {
  as_user_command "$1"
  shift
  "${AS_USER[@]}" "$@"
}

# shellcheck disable=SC2016 # expanded by the inner shell
user_reaches_var() { as_user "$1" sh -c 'test -x "$1" && test -r "$2"' sh "$LUNA_VAR" "$LUNA_ROOT/scripts/up" 2>/dev/null; }

# users_prepare: decides once whether the capability is needed, and checks that it can be granted.
users_prepare() {
  is_root || return 0
  if user_reaches_var "$PG_USER" && user_reaches_var "$SERVICE_USER"; then return 0; fi
  # shellcheck disable=SC2054 # the commas are setpriv's
  AS_USER_CAPS=(--inh-caps=-all,+dac_override --ambient-caps=-all,+dac_override)
  user_reaches_var "$PG_USER" && user_reaches_var "$SERVICE_USER" ||
    die "the users $PG_USER and $SERVICE_USER cannot reach $LUNA_VAR, and this machine grants no CAP_DAC_OVERRIDE:" \
      "set LUNA_VAR to a folder that every user can enter (for example LUNA_VAR=/srv/luna $0)"
}

# own USER MODE DIR…: creates the folders with this owner and mode.
own() {
  local user=$1 mode=$2
  shift 2
  mkdir -p -- "$@"
  chmod "$mode" -- "$@"
  [ "$(id -un)" = "$user" ] || chown "$user:$(id -g "$user")" -- "$@"
}
