#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the headers with nvcc: sh tests/nvcc/run.sh. Needs no GPU.
#
# Those that a .cu may well include come one by one, and each quantizer that a header asserts is
# compiled for the device, in a kernel; the rest, which pull in Eigen or JSON, come together. The
# four warnings made errors are those by which nvcc leaves a kernel empty: a host function called
# from device code.
#
# A kernel that writes nothing to global memory fails: nvcc also makes an empty one, and says nothing,
# of some code that reads what the device does not have.
#
# The kernels of cuda/ are compiled for sm_80 and sm_90 from tests/nvcc/cuda, where each is
# instantiated. One that keeps registers in memory fails, unless its unit says so in a line
#   // may use the stack: REGEX     of the kernel's type, as c++filt prints it
#
# The benches of bench/cuda are compiled for sm_80.
#
# From the environment: NVCC, BUILD_DIR (build/nvcc), JOBS (2).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD_DIR:-$root/build/nvcc}
nvcc=${NVCC:-nvcc}
mkdir -p "$build"
rm -f "$build"/*.cu "$build"/*.log

# The quantizers of a header: static_assert(Quantizer<a> && Quantizer<b>); those for the CPU alone, which
# read tables or work on tiles, assert PointQuantizer or TileQuantizer and are compiled as headers only.
models() {
  tr '\n' ' ' < "$1" | grep -o 'static_assert(Quantizer<[^;]*;' |
    sed -e 's/^static_assert(//' -e 's/) *;$//' -e 's/ *&& */\n/g' |
    sed -n 's/^ *Quantizer<\(.*\)> *$/\1/p'
}

include=$root/include/openquant
for header in $(cd "$include" && find . -name '*.hpp' | sed 's|^\./||' |
                grep -E '^(core|concepts|lattice|quantizer|equalizer)/'); do
  unit=$build/$(echo "$header" | sed 's|/|.|g; s|hpp$|cu|')
  echo "#include <openquant/$header>" > "$unit"
  if grep -q 'static_assert(Quantizer<' "$include/$header"; then
    models "$include/$header" > "$build/models"
    [ -s "$build/models" ] || { echo "tests/nvcc: no quantizer read from $header"; exit 1; }
    echo '#include <round_trip.cuh>' >> "$unit"
    awk -v q=openquant::quantizer '{
      print "namespace " q " { using model_" NR " = " $0 "; }"
      print "template __global__ void round_trip(" q "::model_" NR
      print "                                    , const float*, openquant::index_t, float*);"
    }' "$build/models" >> "$unit"
  fi
done
for header in "$include"/cuda/*.cuh; do
  name=$(basename "$header" .cuh)
  [ -e "$root/tests/nvcc/cuda/$name.cu" ] ||
    echo "#include <openquant/cuda/$name.cuh>" > "$build/cuda.$name.cu"
done
for unit in "$root"/tests/nvcc/cuda/*.cu; do cp "$unit" "$build/cuda.$(basename "$unit")"; done
for unit in "$root"/bench/cuda/*.cu; do cp "$unit" "$build/bench.$(basename "$unit")"; done
(cd "$include" && find . -name '*.hpp') | sed 's|^\./\(.*\)|#include <openquant/\1>|' | sort \
  > "$build/all.cu"

# One unit: silent where it compiles, else its log.
cat > "$build/compile.sh" <<'END'
unit=${1%.cu} kernels= arch=
case $(basename "$unit") in cuda.*)
  kernels="-DNDEBUG -Xptxas -v -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90" ;;
bench.*) arch="-DNDEBUG -arch=sm_80 -I$ROOT/bench/cuda" ;;
esac
rm -rf "$unit.keep" && mkdir "$unit.keep"
fail() {
  rm -rf "$unit.o" "$unit.keep"
  echo "tests/nvcc: $(basename "$unit").cu $1"
  exit 1
}
"$NVCC" $kernels $arch -std=c++20 --expt-relaxed-constexpr -DEIGEN_NO_CUDA -diag-error 20011,20012,20013,20014 -I"$ROOT/include" \
  -isystem /usr/include/eigen3 -I"$ROOT/tests/nvcc" -keep -keep-dir "$unit.keep" -c "$1" -o "$unit.o" > "$unit.log" 2>&1 ||
  fail "does not compile
$(head -n 40 "$unit.log")"
empty=$(cat "$unit.keep"/*.ptx | c++filt | awk '
  /\.entry / { kernel = $0; writes = 0 }
  /st\.global/ { writes = 1 }
  /^}/ { if (kernel != "" && !writes) print kernel; kernel = "" }')
[ -z "$empty" ] || fail "has kernels that write nothing
$empty"
# Lines "... entry function 'NAME' for 'sm_80'", then "8 bytes stack frame, 0 bytes spill ...".
allowed=$(sed -n 's|^// may use the stack: ||p' "$1" | paste -s -d '|')
[ -z "$kernels" ] || stack=$(c++filt < "$unit.log" | awk -v allowed="${allowed:-^$}" '
  /entry function/ { kernel = $0; sub(/.*entry function /, "", kernel) }
  /bytes stack frame/ && !/ 0 bytes stack frame, 0 bytes spill stores/ && kernel !~ allowed { print kernel ": " $0 }')
[ -z "$stack" ] || fail "has kernels that keep registers in memory
$stack"
rm -rf "$unit.keep"
END
rm -f "$build"/*.o
export NVCC="$nvcc" ROOT="$root"
status=0
ls -S "$build"/*.cu | xargs -P "${JOBS:-2}" -n 1 sh "$build/compile.sh" || status=1
all=$(ls "$build"/*.cu | wc -l) passed=$(ls "$build"/*.o 2> /dev/null | wc -l)
echo "tests/nvcc: $passed passed, $((all - passed)) failed"
exit $status
