# shellcheck shell=sh disable=SC2034
# Rust's standard library for wasm32-unknown-unknown: where this machine has it, or how it gets it. To be sourced.
#
# `wasm_std DIR` leaves in `wasm_std_args` what cargo must be told, exports what cargo and rustc must find in the
# environment, and ends the script with one sentence if nothing helps. It looks, in this order, for
#
#   1. the target itself (`rustup target add wasm32-unknown-unknown`): nothing else is needed;
#   2. the standard library's sources beside the compiler (`rustup component add rust-src`);
#   3. on Debian, the package rust-src of exactly the compiler's version, from the backports;
#   4. on Debian, rustc-web: a second compiler, which comes with sources that fit it.
#
# With sources cargo builds the library itself, once for each target folder, in less than a minute. Packages are unpacked
# below DIR and nowhere else: nothing is installed on the machine, and nobody has to be root.

# shellcheck source=scripts/debian.sh
. "$scripts/debian.sh"

wasm_std() {
  wasm_std_args=
  sysroot=$(rustc --print sysroot)
  if [ -d "$sysroot/lib/rustlib/wasm32-unknown-unknown/lib" ]; then
    return
  fi

  # Sources serve only the compiler that they were written for.
  release=$(rustc -vV | sed -n 's/^release: //p')
  store=$1/rust-$release
  if [ -f "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ]; then
    build_std
  elif has rust-src rustc-web || fetch rust-src || fetch rustc-web; then
    if has rust-src; then
      # Cargo has no stable name for "the sources are over there"; its own tests use this one.
      export __CARGO_TESTS_ONLY_SRC_ROOT="$store/rust-src/library"
    else
      use_rustc_web
    fi
    build_std
  else
    no_std_left
  fi
}

# `has NAME...`: one of them was fetched.
has() {
  for name in "$@"; do
    if [ -d "$store/$name" ]; then return; fi
  done
  return 1
}

# Building std is unstable, in cargo as in the compiler. RUSTC_BOOTSTRAP lets a stable release do it.
build_std() {
  wasm_std_args='-Z build-std=std,panic_abort'
  export RUSTC_BOOTSTRAP=1
}

use_rustc_web() {
  # Rustup's toolchains bring a linker for WebAssembly; rustc-web leaves it to another package.
  linker=$(first "$sysroot"/lib/rustlib/*/bin/rust-lld)
  [ -n "$linker" ] || no_std_left
  libraries=$(dirname -- "$(first "$store"/rustc-web/usr/lib/*/librustc_driver-*.so)")
  export RUSTC="$store/rustc-web/usr/bin/rustc"
  export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$linker"
}

no_std_left() {
  echo "Rust's standard library for WebAssembly is missing: type \`rustup target add wasm32-unknown-unknown\`, and try again." >&2
  exit 1
}

# `fetch NAME`: fills `$store/NAME` from Debian's archive. The folder gets its name only when it is whole, so that an
# interrupted download is never taken for one.
fetch() {
  is_debian || return 1
  echo "Fetching $1 from Debian, once, to build Rust's standard library for WebAssembly ..." >&2
  mkdir -p "$store"
  part=$(mktemp -d "$store/part.XXXXXX")
  mkdir "$part/debs" "$part/root"
  fetched=0
  # A subshell, because it points apt elsewhere.
  case $1 in
    rust-src) (fetch_rust_src) >"$part/log" 2>&1 || fetched=$? ;;
    rustc-web) (fetch_rustc_web) >"$part/log" 2>&1 || fetched=$? ;;
  esac
  if [ "$fetched" -eq 0 ]; then
    # Another script may have been faster.
    has "$1" || mv "$part/root" "$store/$1"
  else
    mv "$part/log" "$store/$1.log"
    echo "... not there; $store/$1.log says why." >&2
  fi
  rm -rf "$part"
  return "$fetched"
}

# The backports of Debian's stable release hold many versions of the compiler's sources side by side.
fetch_rust_src() {
  keyring=$(first /usr/share/keyrings/debian-archive-keyring.*)
  archive=$(debian_archive)
  [ -n "$keyring" ] && [ -n "$archive" ] || return 1
  private_apt "Dir::Etc::sourcelist \"$part/apt/sources.list\";" 'Dir::Etc::sourceparts "/dev/null";'
  echo "deb [signed-by=$keyring] $archive trixie-backports main" >"$part/apt/sources.list"
  apt-get update || return 1
  version=$(apt-cache madison rust-src | awk -v want="$release+" 'index($3, want) == 1 { print $3; exit }')
  if [ -z "$version" ]; then
    echo "trixie-backports has no rust-src $release"
    return 1
  fi
  download "rust-src=$version" || return 1
  # The library alone: the rest, the compiler's sources, is ten times as much.
  library=$(first "$part"/root/usr/src/rustc-*/library)
  mv "$library" "$part/library" && rm -rf "$part/root" && mkdir "$part/root" && mv "$part/library" "$part/root/library"
}

# A compiler, its standard library for this machine (build scripts need it), its sources, and what it is linked to.
fetch_rustc_web() {
  private_apt
  apt-get update || return 1
  linked=$(apt-cache depends --recurse --important rustc-web |
    awk '$1 == "Depends:" && $2 ~ /^lib(std-rust-web|llvm)/ && !seen[$2]++ { print $2 }')
  # Names, meant to be split.
  # shellcheck disable=SC2086
  download rustc-web rust-web-src $linked
}

# This machine's own mirror of Debian's main archive, which has the backports too.
debian_archive() {
  # The fields are apt's.
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v codename="$(. /etc/os-release && echo "$VERSION_CODENAME")" '$1 == codename && $2 == "main" { print $3; exit }'
}
