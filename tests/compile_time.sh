#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# compile_time.sh compiler eigen-include-folder
# Prints what it takes to compile what decodes (layer/quantized.hpp and a quantizer), the umbrella
# header, and with it one gptq, on Eigen and on the BLAS (skipped where there is no <cblas.h>). The budget is for a 2-core EPYC that does nothing else;
# machines and their load differ, so only three times the budget fails.
set -eu
cxx=${1:-g++} eigen=${2:-/usr/include/eigen3}
root=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

echo '#include <openquant/openquant.hpp>' > "$scratch/include.cpp"
for header in layer/quantized quantizer/uniform rotation/identity equalizer/identity; do
  echo "#include <openquant/$header.hpp>"
done > "$scratch/decode.cpp"
cat > "$scratch/gptq.cpp" << 'END'
#include <openquant/openquant.hpp>
using namespace openquant;
auto quantize(matrix_view<const float> w, const hessian& h) {
  return gptq<quantizer::uniform<4>, rotation::hadamard, equalizer::smoothquant>{}.quantize(w, h);
}
END

failed=0
printf '%-10s %-9s %20s %10s\n' products source 'user + system, s' 'budget, s'
for products in Eigen BLAS; do
  define=()
  if [ $products = BLAS ]; then
    define=(-DOPENQUANT_USE_BLAS)
    echo '#include <cblas.h>' | "$cxx" -x c++ -fsyntax-only - 2> "$scratch/errors" || continue
  fi
  for source in decode include gptq; do
    case $source in decode) budget=1.5 ;; include) budget=3.5 ;; gptq) budget=6 ;; esac
    TIMEFORMAT='%U %S'
    spent=$({ time "$cxx" -std=c++20 -O2 -march=native -I"$root/include" -isystem "$eigen" "${define[@]}" \
                -c "$scratch/$source.cpp" -o "$scratch/out.o" 2> "$scratch/errors"; } 2>&1) ||
      { cat "$scratch/errors"; exit 1; }
    awk -v p=$products -v s=$source -v t="$spent" -v b=$budget 'BEGIN {
      split(t, part, " "); sum = part[1] + part[2]
      printf "%-10s %-9s %20.2f %10.1f\n", p, s, sum, b
      exit sum > 3 * b }' || failed=1
  done
done
[ $failed = 0 ] || { echo 'more than three times the budget'; exit 1; }
