#!/bin/sh
# Makes sure that target/toolchain/python is a virtual environment with exactly what sdk/*/requirements.txt pins.
set -eu

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/venv.sh
. "$scripts/venv.sh"

venv "$root/target/toolchain/python" 'componentize-py and ziglang' 'The guests in Python and C are built' "$root"/sdk/*/requirements.txt
