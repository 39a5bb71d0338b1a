# shellcheck shell=bash
# Selects the node that runs the contract tools: the system's when it is new enough, else the one
# from npm (web/package.json).

# The minimum version for @redocly/cli. Debian 12 has 18.
NODE_MINIMUM='const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'

node_is_new() { command -v node >/dev/null && node -e "$NODE_MINIMUM" 2>/dev/null; }

# node_from_npm: its path; it exists after `scripts/web --tools` if the system's node is too old.
node_from_npm() {
  local machine
  case $(uname -m) in
    aarch64) machine=arm64 ;;
    *) machine=x64 ;;
  esac
  printf '%s' "$LUNA_ROOT/build/web/node_modules/node-linux-$machine/bin/node"
}

# node_choose: sets NODE.
node_choose() {
  if node_is_new; then NODE=node; else NODE=$(node_from_npm); fi
}

# node_tools LOG: installs the contract tools and sets NODE; fails without npm or without a network.
node_tools() {
  (packages_ensure node) || return 1
  quietly "$1" "$LUNA_ROOT/scripts/web" --tools || return 1
  node_choose
  "$NODE" -e "$NODE_MINIMUM"
}
