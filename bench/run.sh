#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds the benches and runs them one after the other:
#   sh bench/run.sh [FOLDER or FOLDER/NAME ...]       all of bench/ where none is named
# Prints Markdown tables; what Google Benchmark measured stays in build/bench/results as JSON, with
# plots of the quantizers' distance from Shannon's bound, shannon.svg, and of how cost grows,
# growth.svg. Let nothing else run meanwhile.
#
# With CMAKE_ARGS=-DOPENQUANT_CUDA=ON there is also the folder cuda, whose programs print their own
# tables, or that there is no GPU.
#
# From the environment: CXX, BUILD_DIR (build/bench), CMAKE_ARGS, JOBS (2).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD_DIR:-$root/build/bench}

sh "$root/.ci/install.sh" library examples bench
# shellcheck disable=SC2086
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DOPENQUANT_BUILD_TESTS=OFF \
  -DOPENQUANT_BUILD_EXAMPLES=OFF ${CMAKE_ARGS:-} > /dev/null
cmake --build "$build" --parallel "${JOBS:-2}" > /dev/null

mkdir -p "$build/results"
export OPENBLAS_NUM_THREADS=1
set -- "${@:-}"
outputs='' tables=''
for program in $(cd "$build/bench" && find . -name '*_bench' -type f | sed 's|^\./||' | sort); do
  for wanted in "$@"; do
    case $program in "$wanted"*)
      case $program in cuda/*)
        "$build/bench/$program" || [ $? -eq 77 ]
        echo
        tables=yes
        break ;;
      esac
      out=$build/results/$(echo "$program" | tr / .).json
      echo "bench/run.sh: $program" >&2
      "$build/bench/$program" --benchmark_min_time=0.2 --benchmark_out="$out" \
        --benchmark_out_format=json > /dev/null
      outputs="$outputs $out"
      break ;;
    esac
  done
done
[ -n "$outputs$tables" ] || { echo "bench/run.sh: no bench is called $*" >&2; exit 2; }
[ -n "$outputs" ] || exit 0
echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), one core"
echo
# shellcheck disable=SC2086
"$build/bench/report" --plot "$build/results/shannon.svg" --growth "$build/results/growth.svg" $outputs
