#!/bin/sh
# Makes sure that below target/toolchain are the servers that `make bench` measures against: exactly the Node-RED and the lfx that
# tests/bench/peers pins.
set -eu

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/npm.sh
. "$scripts/npm.sh"
# shellcheck source=scripts/venv.sh
. "$scripts/venv.sh"

npm_packages "$root/target/toolchain/node-red" Node-RED 'Node-RED runs' "$root/tests/bench/peers/node-red"
venv "$root/target/toolchain/lfx" lfx 'lfx runs' "$root/tests/bench/peers/lfx/requirements.txt"
