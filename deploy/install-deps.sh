#!/usr/bin/env bash
# Installs everything that building and testing Penstock needs on Debian 12: packages from Debian
# and the DuckDB library that its makers publish. Needs root or sudo, and only where something is
# missing; on a machine that has everything it looks, and ends in about a second.
#
#   deploy/install-deps.sh [--full] [--prefix DIR]
#
#   --full        also what `deploy/check.sh --full` needs (clang and its sanitizer runtimes)
#   --prefix DIR  where DuckDB goes (default: /usr/local, where CMake finds it unasked)
set -euo pipefail

# What for, and under which licence: the table in README.md.
packages=(
  # build tools
  g++ cmake ninja-build pkg-config ccache mold git python3 ca-certificates
  # the API
  libgrpc++-dev protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  # the coordinator
  libsqlite3-dev libspdlog-dev nlohmann-json3-dev libyaml-cpp-dev libcli11-dev libssl-dev
  libcpp-httplib-dev prometheus-cpp-dev
  # data and webhooks: HTTP and S3, PostgreSQL
  libcurl4-openssl-dev libpq-dev
  # tables that are compressed
  zlib1g-dev libzstd-dev
  # scripts: their metrics, their isolation
  libre2-dev bubblewrap
  # the algorithms
  libeigen3-dev libopenblas-pthread-dev libxgboost-dev xgboost
  # the tests; PostgreSQL is started by them alone, with a database of their own
  libgtest-dev libgmock-dev libbenchmark-dev openssl postgresql-15
)
full_packages=(clang clang-tidy clang-format libclang-rt-14-dev)

# DuckDB, pinned: its version stands in the files that it writes. The library comes from its makers'
# Node.js binding, the C header from their older binding of the same version.
duckdb_version=1.4.4
duckdb_header_package="duckdb@1.4.4"
duckdb_header_package_sha512=844249e61c9517454b8f776638ba6c5ab411d1bddde1892ab72826ea25178c72430e74aa83f5122b171be6abcdace84560f824b5ac94e9d5c2b603ea7269a9a2
duckdb_header_sha512=b901efde6decf73a69f64db9319e9d653d55289949ccffffe52056983b16b39240f8635ef1de11e7dd21fe4b8e0cecbc63d362a24c46f9c98737f4ca49c83258
case "$(dpkg --print-architecture 2>/dev/null || true)" in
  amd64)
    duckdb_library_package="@duckdb/node-bindings-linux-x64@1.4.4-r.1"
    duckdb_library_package_sha512=7e360d73eb78fd3ee6873679ee8268210696bdb615bf186275c34d6a7b101625a777afc930b0942dde2a9edf172374edd81ad9b2b687ebdd0a481212dd03edd3
    duckdb_library_sha512=d1798d2df2b057f3cab079872e4b95902a580e0626dd0b46095fe7e33b31b87b621a6c80a52ee841535633c2fa290f802ec16f4bf3a324ef2621e86c81420754
    ;;
  arm64)
    duckdb_library_package="@duckdb/node-bindings-linux-arm64@1.4.4-r.1"
    duckdb_library_package_sha512=c2af76fc471388e4d15b54520cec2378bc8c3175b0355370536d5341d7eedec812f3af88877ada68aebc95e0e063971681fef659edc9d96ec7633f06c3170c63
    duckdb_library_sha512=29ee0c0e10716a0ca657d1c67be6ee0d6382df7f442949b11cd8bb752969f9728acaa0782e76fe91edbcd28b8d7970710ab367092b474cac46df904b09cc877f
    ;;
  *)
    echo "install-deps: this needs Debian 12 on amd64 or arm64 (no supported dpkg architecture here)" >&2
    exit 1
    ;;
esac

say() { echo "install-deps: $*" >&2; }
die() { say "$*"; exit 1; }

prefix="${PENSTOCK_DEPS_PREFIX:-/usr/local}"
while (($#)); do
  case "$1" in
    --full) packages+=("${full_packages[@]}") ;;
    --prefix) prefix="${2:?--prefix needs a folder}"; shift ;;
    -h | --help) sed -n '2,/^set /s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) say "unknown argument '$1' (try --help)"; exit 2 ;;
  esac
  shift
done
[[ $prefix = /* ]] || die "--prefix must be an absolute path, not '$prefix'"

# Runs a command as root, through sudo where need be.
as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "'$1' needs root: run this as root, or install sudo"
  fi
}

# The packages among the arguments that are not installed, one a line.
missing_packages() {
  local installed
  installed="$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true)"
  local package
  for package in "$@"; do
    grep -qxF "$package installed" <<<"$installed" || echo "$package"
  done
}

install_packages() {
  # A Node.js from elsewhere conflicts with Debian's npm, and any npm will do.
  command -v npm >/dev/null || packages+=(npm)
  local missing
  mapfile -t missing < <(missing_packages "${packages[@]}")
  ((${#missing[@]})) || return 0
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300)
  as_root "${apt[@]}" update
  if [[ " ${missing[*]} " == *" postgresql-15 "* ]]; then
    # Without this, installing the server would also make a database and start it.
    as_root "${apt[@]}" install --no-install-recommends postgresql-common
    as_root sed -i 's/^#\?create_main_cluster *=.*/create_main_cluster = false/' \
      /etc/postgresql-common/createcluster.conf
  fi
  as_root "${apt[@]}" install --no-install-recommends "${missing[@]}"
}

# matches FILE SHA512: whether the file is there and has that digest.
matches() { [[ -f $1 ]] && echo "$2  $1" | sha512sum --check --status; }

# fetch PACKAGE SHA512: downloads one npm package and prints the archive's path.
fetch() {
  local folder archive
  folder="$(mktemp -d "$scratch/pack.XXXXXX")"
  (cd "$folder" && npm pack --silent --ignore-scripts --cache "$scratch/npm-cache" "$1" >/dev/null) ||
    die "cannot download $1 from npm: check the network, or npm's registry and proxy settings"
  archive="$(find "$folder" -name '*.tgz')"
  matches "$archive" "$2" || die "the archive of $1 does not have the pinned SHA-512: not installed"
  echo "$archive"
}

# Replaces a file in one step, so that nothing ever maps half a library.
put() {
  as_root install -D -m 644 "$1" "$2.new.$$"
  as_root mv -f "$2.new.$$" "$2"
}

write_cmake_config() {
  cat >"$1/DuckDBConfig.cmake" <<'CONFIG'
# Written by Penstock's deploy/install-deps.sh. Gives the imported target DuckDB::duckdb.
get_filename_component(_duckdb_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET DuckDB::duckdb)
  add_library(DuckDB::duckdb SHARED IMPORTED)
  set_target_properties(DuckDB::duckdb PROPERTIES
    IMPORTED_LOCATION "${_duckdb_prefix}/lib/libduckdb.so"
    IMPORTED_SONAME "libduckdb.so"
    INTERFACE_INCLUDE_DIRECTORIES "${_duckdb_prefix}/include")
endif()
unset(_duckdb_prefix)
CONFIG
  cat >"$1/DuckDBConfigVersion.cmake" <<CONFIG
# Written by Penstock's deploy/install-deps.sh.
set(PACKAGE_VERSION "$duckdb_version")
if(PACKAGE_FIND_VERSION VERSION_EQUAL PACKAGE_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
elseif(PACKAGE_FIND_VERSION VERSION_LESS PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
CONFIG
  cat >"$1/duckdb.pc" <<CONFIG
prefix=$prefix
libdir=\${prefix}/lib
includedir=\${prefix}/include

Name: DuckDB
Description: Analytical SQL engine in a library
Version: $duckdb_version
Libs: -L\${libdir} -lduckdb
Cflags: -I\${includedir}
CONFIG
}

install_duckdb() {
  local generated="$scratch/generated" archive
  mkdir -p "$generated"
  write_cmake_config "$generated"

  if ! matches "$prefix/lib/libduckdb.so" "$duckdb_library_sha512" ||
    [[ ! -f $prefix/share/doc/libduckdb/LICENSE ]]; then
    say "installing DuckDB $duckdb_version's library under $prefix"
    archive="$(fetch "$duckdb_library_package" "$duckdb_library_package_sha512")"
    tar -xzf "$archive" -C "$scratch" package/libduckdb.so package/LICENSE
    matches "$scratch/package/libduckdb.so" "$duckdb_library_sha512" ||
      die "libduckdb.so does not have the pinned SHA-512: not installed"
    put "$scratch/package/libduckdb.so" "$prefix/lib/libduckdb.so"
    put "$scratch/package/LICENSE" "$prefix/share/doc/libduckdb/LICENSE"
    as_root ldconfig
  fi
  if ! matches "$prefix/include/duckdb.h" "$duckdb_header_sha512"; then
    say "installing DuckDB $duckdb_version's C header under $prefix"
    archive="$(fetch "$duckdb_header_package" "$duckdb_header_package_sha512")"
    tar -xzf "$archive" -C "$scratch" package/src/duckdb/src/include/duckdb.h
    put "$scratch/package/src/duckdb/src/include/duckdb.h" "$prefix/include/duckdb.h"
  fi
  local file
  for file in lib/cmake/DuckDB/DuckDBConfig.cmake lib/cmake/DuckDB/DuckDBConfigVersion.cmake \
    lib/pkgconfig/duckdb.pc; do
    cmp -s "$generated/${file##*/}" "$prefix/$file" || put "$generated/${file##*/}" "$prefix/$file"
  done
}

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
install_packages
install_duckdb
say "everything is there"
