#!/bin/sh
# Makes sure that target/toolchain/clients is a virtual environment with the clients that the tests ask a server with: exactly what
# tests/it/server/clients/requirements.txt pins.
set -eu

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/venv.sh
. "$scripts/venv.sh"

venv "$root/target/toolchain/clients" 'schemathesis and openai' 'The server is asked by clients' "$root/tests/it/server/clients/requirements.txt"
