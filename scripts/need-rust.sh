#!/bin/sh
# Ends with one sentence unless this machine has the Rust that the workspace needs, and what Rust needs to link.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")

fail() {
  echo "$1, and try again." >&2
  exit 1
}

for tool in cargo rustc; do
  command -v "$tool" >/dev/null || fail "$tool is missing: install Rust $wanted or newer with rustup (https://rustup.rs)"
  "$tool" --version >/dev/null 2>&1 || fail "$tool is there but does not run: type \`rustup default stable\`"
done

# Numbers, not text: 1.100 is newer than 1.95.
found=$(rustc -vV | sed -n 's/^release: //p')
if ! echo "$found $wanted" | awk '{ split($1, f, "."); split($2, w, "."); exit !(f[1] > w[1] || f[1] == w[1] && f[2] + 0 >= w[2] + 0) }'; then
  fail "Rust $found is too old, $wanted is needed: type \`rustup update stable\`"
fi

command -v cc >/dev/null || fail "Rust links with a C compiler and there is none: type \`apt install gcc libc6-dev\` (Debian) or \`xcode-select --install\` (macOS)"
