# shellcheck shell=bash
# Which node runs the contract tools: the system's when it is new enough, else the one that npm
# brings (web/package.json).

# What @redocly/cli asks for. Debian 12 has 18.
NODE_WANTED='const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'

node_is_new() { command -v node >/dev/null && node -e "$NODE_WANTED" 2>/dev/null; }

# node_from_npm: where npm puts it; there after `scripts/web --tools` where the system's is too old.
node_from_npm() {
  local machine
  case $(uname -m) in
    aarch64) machine=arm64 ;;
    *) machine=x64 ;;
  esac
  printf '%s' "$LUNA_ROOT/build/web/node_modules/node-linux-$machine/bin/node"
}

# node_choose: NODE becomes the one to use.
node_choose() {
  if node_is_new; then NODE=node; else NODE=$(node_from_npm); fi
}

# node_tools LOG: the contract tools and a node to run them with (NODE); fails when there is no npm
# or nothing to fetch them from.
node_tools() {
  command -v npm >/dev/null || (packages_ensure node) || return 1
  quietly "$1" "$LUNA_ROOT/scripts/web" --tools || return 1
  node_choose
  "$NODE" -e "$NODE_WANTED"
}
