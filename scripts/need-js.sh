#!/bin/sh
# Makes sure that target/toolchain/js/node_modules is exactly what sdk/js/package-lock.json pins.
#
# Needs the network only when it is not there yet, or when a version changed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
home=$root/target/toolchain/js

fail() {
  echo "$1, and try again." >&2
  exit 1
}

if cmp -s "$root/sdk/js/package-lock.json" "$home/installed"; then
  exit
fi

for tool in node npm; do
  command -v "$tool" >/dev/null || fail "The guest in JavaScript is built with $tool: install Node.js 18 or newer (https://nodejs.org)"
done
node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || fail "Node.js 18 or newer is needed, and \`node\` is older: install a newer one (https://nodejs.org)"

echo "Installing componentize-qjs below target/, once ..." >&2
rm -rf "$home"
mkdir -p "$home"
cp "$root/sdk/js/package.json" "$root/sdk/js/package-lock.json" "$root/sdk/js/.npmrc" "$home"
(cd "$home" && npm ci --silent)
cp "$home/package-lock.json" "$home/installed"
