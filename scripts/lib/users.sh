# shellcheck shell=bash
# The users that the servers run as. Started by an ordinary user, everything runs as that user.
# Started by root, PostgreSQL runs as `postgres`, nginx as `luna-gateway` and everything else as
# `luna`, with setpriv, as in the Debian packages; no server of this stack runs as root. None of
# them is `www-data`: that is every web program's user.

if is_root; then
  PG_USER=postgres SERVICE_USER=luna GATEWAY_USER=luna-gateway
else
  PG_USER=$(id -un) SERVICE_USER=$PG_USER GATEWAY_USER=$PG_USER
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

# user_make USER: a system user with a group of its own name, unless it exists.
user_make() {
  getent passwd "$1" >/dev/null ||
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}

users_reach_var() {
  local user
  for user in "$PG_USER" "$SERVICE_USER" "$GATEWAY_USER"; do
    user_reaches_var "$user" || return 1
  done
}

# users_prepare: makes the users, decides once whether the capability is needed, and checks that it
# can be granted.
users_prepare() {
  is_root || return 0
  user_make "$SERVICE_USER"
  user_make "$GATEWAY_USER"
  if users_reach_var; then return 0; fi
  # shellcheck disable=SC2054 # the commas are setpriv's
  AS_USER_CAPS=(--inh-caps=-all,+dac_override --ambient-caps=-all,+dac_override)
  users_reach_var ||
    die "the users $PG_USER, $SERVICE_USER and $GATEWAY_USER cannot reach $LUNA_VAR, and this machine grants no CAP_DAC_OVERRIDE:" \
      "set LUNA_VAR to a folder that every user can enter (for example LUNA_VAR=/srv/luna $0)"
}

# own USER MODE DIR…: creates the folders with this owner and mode. What an earlier stack left there
# for another user goes to this one.
own() {
  local user=$1 mode=$2 folder
  shift 2
  mkdir -p -- "$@"
  for folder in "$@"; do
    [ "$(stat -c %U -- "$folder")" = "$user" ] || chown -R "$user:$(id -g "$user")" -- "$folder"
  done
  chmod "$mode" -- "$@"
}
