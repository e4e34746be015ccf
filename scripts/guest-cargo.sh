#!/bin/sh
# Cargo for what runs in the sandbox: `scripts/guest-cargo.sh build --profile guest -p lockgate-plugin-echo`.
#
# Passes its arguments on and adds the target, wasm32-unknown-unknown, and where this machine's standard library for it
# comes from. How that library is found or fetched is wasm-std.sh's; here is only the call.
set -eu

if [ $# -eq 0 ]; then
  echo "usage: ${0##*/} CARGO-COMMAND [ARGUMENT...]" >&2
  exit 2
fi

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/wasm-std.sh
. "$scripts/wasm-std.sh"

# Panic messages hold the paths of source files. Without this machine's folders in them, the same sources make the same
# component everywhere. The encoded form, whose separator no path holds, lets folders have spaces in their names.
#
# A guest has no entropy but what its host gives it: the crate that asks for some brings it (see host/schema/rules), and
# does not import JavaScript's.
CARGO_ENCODED_RUSTFLAGS=$(printf -- \
  '--remap-path-prefix=%s=lockgate\037--remap-path-prefix=%s=cargo\037--cfg=getrandom_backend="custom"' \
  "$root" "${CARGO_HOME:-$HOME/.cargo}")
export CARGO_ENCODED_RUSTFLAGS

command=$1
shift
wasm_std "$root/target/toolchain"
# Words without spaces of their own, meant to be split.
# shellcheck disable=SC2086
exec cargo "$command" --target wasm32-unknown-unknown $wasm_std_args "$@"
