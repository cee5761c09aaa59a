#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds the tests and runs them: sh tests/run.sh [arguments of ctest]
#
# From the environment: CXX, BUILD_TYPE (Release), BUILD_DIR (build/tests), CMAKE_ARGS, JOBS (2).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/tests}
type=${BUILD_TYPE:-Release}
jobs=${JOBS:-2}

verdict() {
  if [ $? = 0 ]; then result=passed; else result=FAILED; fi
  echo "tests/run.sh: $result ($type, $build)"
}
trap verdict EXIT

sh "$root/.ci/install.sh" library examples tests
# shellcheck disable=SC2086
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE="$type" -DOPENQUANT_BUILD_BENCH=OFF \
  ${CMAKE_ARGS:-}
build=$(cd "$build" && pwd)

# One test reads our files with the safetensors package and ours reads its files; without the
# package that test is skipped, and says so.
export PYTHONPATH="$root/build/python${PYTHONPATH:+:$PYTHONPATH}"
if [ -e "$root/tests/format/safetensors_reference.py" ] &&
   ! python3 -c 'import numpy, safetensors.numpy' 2> /dev/null; then
  python3 -m pip install --quiet --retries 1 --target "$root/build/python" numpy safetensors < /dev/null ||
    echo 'tests/run.sh: no Python package safetensors: its test is skipped'
fi

cmake --build "$build" --parallel "$jobs"
cd "$build"
ctest --output-on-failure --parallel "$jobs" "$@"
