#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds examples/llm and runs it: sh examples/run.sh [its arguments]
# The figures go to ./results unless the arguments say otherwise; --help lists them.
#
# From the environment: CXX, BUILD_DIR (build/examples), CMAKE_ARGS, JOBS (2).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/examples}

sh "$root/.ci/install.sh" library examples
# shellcheck disable=SC2086
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DOPENQUANT_BUILD_TESTS=OFF \
  -DOPENQUANT_BUILD_BENCH=OFF ${CMAKE_ARGS:-}
cmake --build "$build" --parallel "${JOBS:-2}" --target openquant_llm
exec "$build/examples/openquant_llm" "$@"
