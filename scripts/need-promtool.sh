#!/bin/sh
# Makes sure that target/toolchain/promtool/promtool is there: Prometheus' own word on whether it can read `/metrics`.
#
# It is the machine's, if there is one, and else that of Debian's package, unpacked below target/ and nowhere else.
set -eu

scripts=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$scripts")
# shellcheck source=scripts/debian.sh
. "$scripts/debian.sh"

home=$root/target/toolchain/promtool

runs() {
  "$1" --version >/dev/null 2>&1
}

if runs "$home/promtool"; then
  exit
fi
rm -rf "$home"
mkdir -p "$home"
if installed=$(command -v promtool) && runs "$installed"; then
  ln -s "$installed" "$home/promtool"
  exit
fi

fetch() {
  private_apt && apt-get update && download prometheus && mv "$part/root/usr/bin/promtool" "$home/promtool"
}

if is_debian; then
  echo "Fetching promtool from Debian, once ..." >&2
  part=$(mktemp -d "$home/part.XXXXXX")
  mkdir "$part/debs" "$part/root"
  # A subshell, because it points apt elsewhere.
  (fetch) >"$home/log" 2>&1 || echo "... not there; $home/log says why." >&2
  rm -rf "$part"
fi
if ! runs "$home/promtool"; then
  echo "/metrics is checked by Prometheus' promtool, and there is none: type \`apt install prometheus\` (Debian) or \`brew install prometheus\` (macOS), and try again." >&2
  exit 1
fi
