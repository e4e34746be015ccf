#!/bin/sh
# Makes sure that target/toolchain/js/node_modules is exactly what sdk/js/package-lock.json pins.
set -eu

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/npm.sh
. "$scripts/npm.sh"

npm_packages "$root/target/toolchain/js" componentize-qjs 'The guest in JavaScript is built' "$root/sdk/js"
