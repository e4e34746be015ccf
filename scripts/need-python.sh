#!/bin/sh
# Makes sure that target/toolchain/python is a virtual environment with exactly what sdk/*/requirements.txt pins.
#
# Needs the network only when there is none yet, or when a version changed.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
home=$root/target/toolchain/python
python=${PYTHON:-python3}

fail() {
  echo "$1, and try again." >&2
  exit 1
}

wanted=$(cat "$root"/sdk/*/requirements.txt)
if [ "$wanted" = "$(cat "$home/installed" 2>/dev/null)" ] && "$home/bin/python" -c '' 2>/dev/null; then
  exit
fi

command -v "$python" >/dev/null || fail "The guests in Python and C are built with Python: type \`apt install python3 python3-venv\` (Debian) or \`brew install python\` (macOS)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "Python 3.10 or newer is needed, and $python is older: say another one, as in \`make test PYTHON=python3.13\`"
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "Python's module venv is missing: type \`apt install python3-venv\`"

echo "Installing componentize-py and ziglang below target/, once ..." >&2
rm -rf "$home"
"$python" -m venv "$home"
set --
for file in "$root"/sdk/*/requirements.txt; do
  set -- "$@" --requirement "$file"
done
"$home/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
printf '%s\n' "$wanted" >"$home/installed"
