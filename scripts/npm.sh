# shellcheck shell=sh
# A folder of Node.js packages with exactly what a lock file pins. To be sourced.
#
# `npm_packages DIR WHAT WHY FOLDER` makes sure that DIR has what FOLDER/package-lock.json says, says that it installs WHAT if it has to,
# and ends the script with one sentence, which begins with WHY Node.js is needed, if it cannot. The network is needed only when it is not
# there yet, or when a version changed.

npm_packages() {
  npm_home=$1
  if cmp -s "$4/package-lock.json" "$npm_home/installed"; then
    return
  fi

  for npm_tool in node npm; do
    command -v "$npm_tool" >/dev/null || npm_fail "$3 with $npm_tool: install Node.js 18 or newer (https://nodejs.org)"
  done
  node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || npm_fail "Node.js 18 or newer is needed, and \`node\` is older: install a newer one (https://nodejs.org)"

  echo "Installing $2 below target/, once ..." >&2
  rm -rf "$npm_home"
  mkdir -p "$npm_home"
  cp "$4/package.json" "$4/package-lock.json" "$4/.npmrc" "$npm_home"
  (cd "$npm_home" && npm ci --silent)
  cp "$npm_home/package-lock.json" "$npm_home/installed"
}

npm_fail() {
  echo "$1, and try again." >&2
  exit 1
}
