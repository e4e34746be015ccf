#!/bin/sh
# Makes sure that below target/toolchain are virtual environments with what others wrote and tests compare with: `clients` asks a server,
# as tests/it/server/clients/requirements.txt pins it; `alibaba-cloud` has the official SDKs, as host/cms/tests/it/sdk/requirements.txt does.
set -eu

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/venv.sh
. "$scripts/venv.sh"

venv "$root/target/toolchain/clients" 'schemathesis and openai' 'The server is asked by clients' "$root/tests/it/server/clients/requirements.txt"
venv "$root/target/toolchain/alibaba-cloud" "Alibaba Cloud's SDKs" 'Requests are compared with those of SDKs' "$root/host/cms/tests/it/sdk/requirements.txt"
