# shellcheck shell=sh
# A virtual environment of Python with exactly what files of requirements pin. To be sourced.
#
# `venv DIR WHAT WHY FILE...` makes sure that DIR is one, says that it installs WHAT if it has to, and ends the script with one sentence,
# which begins with WHY Python is needed, if it cannot. `PYTHON` names the Python to use. The network is needed only when there is no
# environment yet, or when a version changed.

venv() {
  venv_home=$1
  venv_what=$2
  venv_why=$3
  shift 3
  venv_python=${PYTHON:-python3}

  venv_wanted=$(cat "$@")
  if [ "$venv_wanted" = "$(cat "$venv_home/installed" 2>/dev/null)" ] && "$venv_home/bin/python" -c '' 2>/dev/null; then
    return
  fi

  command -v "$venv_python" >/dev/null || venv_fail "$venv_why with Python: type \`apt install python3 python3-venv\` (Debian) or \`brew install python\` (macOS)"
  "$venv_python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || venv_fail "Python 3.10 or newer is needed, and $venv_python is older: say another one, as in \`make test PYTHON=python3.13\`"
  "$venv_python" -c 'import ensurepip, venv' 2>/dev/null || venv_fail "Python's module venv is missing: type \`apt install python3-venv\`"

  echo "Installing $venv_what below target/, once ..." >&2
  rm -rf "$venv_home"
  "$venv_python" -m venv "$venv_home"
  for venv_file in "$@"; do
    set -- "$@" --requirement "$venv_file"
    shift
  done
  "$venv_home/bin/python" -m pip install --quiet --disable-pip-version-check --no-input "$@"
  printf '%s\n' "$venv_wanted" >"$venv_home/installed"
}

venv_fail() {
  echo "$1, and try again." >&2
  exit 1
}
