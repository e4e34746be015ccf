# shellcheck shell=sh
# Packages of Debian, unpacked in a folder: nothing is installed on the machine, and nobody has to be root. To be sourced.
#
# `$part` is a folder of the caller's: packages go to `$part/debs` and `$part/root`, and what apt has to remember to `$part/apt`.

is_debian() {
  [ -r /etc/os-release ] && [ "$(. /etc/os-release && echo "${ID-}")" = debian ] && command -v apt-get >/dev/null
}

# `private_apt LINE...`: apt's state goes below `$part`. Settings and sources stay the machine's own, but for LINEs.
private_apt() {
  mkdir -p "$part/apt/lists/partial" "$part/apt/cache/archives/partial"
  : >"$part/apt/status"
  {
    echo "Dir::State \"$part/apt\";"
    echo "Dir::State::status \"$part/apt/status\";"
    echo "Dir::Cache \"$part/apt/cache\";"
    # The user that apt would otherwise download as cannot write here.
    echo 'APT::Sandbox::User "";'
    [ $# -eq 0 ] || printf '%s\n' "$@"
  } >"$part/apt/apt.conf"
  export APT_CONFIG="$part/apt/apt.conf"
}

# `download PACKAGE...`: fetches packages, which apt checks against Debian's signatures, and unpacks them.
download() {
  (cd "$part/debs" && apt-get download "$@") || return 1
  for deb in "$part"/debs/*.deb; do
    dpkg -x "$deb" "$part/root" || return 1
  done
}

# The first of the files that a pattern found; nothing if it found none.
first() {
  if [ -e "$1" ]; then
    printf '%s\n' "$1"
  fi
}
