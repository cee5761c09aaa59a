#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are missing: sh .ci/install.sh library|examples|tests|bench|ci ...
# The one list of what this repository needs. Without apt-get, or without the right to use it, it
# names what is missing and leaves it to the caller to go on.
set -eu
need=''
for purpose in "$@"; do
  case $purpose in
    library) need="$need g++ cmake ninja-build libxsimd-dev libeigen3-dev nlohmann-json3-dev
                   libopenblas-dev" ;;
    examples) need="$need libcli11-dev gnuplot-nox" ;;
    tests) need="$need doctest-dev python3 python3-pip" ;;
    bench) need="$need libbenchmark-dev" ;;
    ci) need="$need git clang clang-format clang-tidy" ;;
    *) echo "install.sh: unknown purpose $purpose" >&2; exit 2 ;;
  esac
done

missing=''
if command -v dpkg-query > /dev/null; then
  for package in $need; do
    case $(dpkg-query -W -f='${Status}' "$package" 2> /dev/null || true) in
      'install ok installed') ;;
      *) missing="$missing $package" ;;
    esac
  done
fi
[ -n "$missing" ] || exit 0

as_root=''
if [ "$(id -u)" != 0 ]; then
  as_root='sudo'
fi
if ! command -v apt-get > /dev/null || { [ -n "$as_root" ] && ! command -v sudo > /dev/null; }; then
  echo "install.sh: not installed, and no right to install:$missing" >&2
  exit 0
fi
echo "install.sh: installing$missing"
apt() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Use-Pty=0 "$@" < /dev/null
}
apt update
# shellcheck disable=SC2086
apt install --no-install-recommends $missing > /dev/null
