#!/bin/sh
# Makes sure that target/toolchain/cargo-deny/bin/cargo-deny is there, of the version that deny.toml is written for.
#
# It is compiled, because the registries have no recent binary of it. Without optimisation that takes about a minute, and
# a check of this workspace still takes less than two seconds.
set -eu

version=0.20.2
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
home=$root/target/toolchain/cargo-deny

if [ "$("$home/bin/cargo-deny" --version 2>/dev/null)" = "cargo-deny $version" ]; then
  exit
fi
echo "Compiling cargo-deny $version, once ..." >&2
CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
  CARGO_PROFILE_RELEASE_DEBUG=false CARGO_TARGET_DIR="$home/build" \
  cargo install cargo-deny --version "$version" --locked --force --quiet --root "$home"
rm -rf "$home/build"
