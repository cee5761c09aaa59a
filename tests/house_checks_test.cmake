# SPDX-License-Identifier: Apache-2.0
# cmake -D tests=<this folder> -D scratch=<folder> -P house_checks_test.cmake
# Tests the checks themselves: a small repository passes each of them, and with one fault planted in
# it the check of that fault names it.
cmake_minimum_required(VERSION 3.25)

function(lay_out)
  file(REMOVE_RECURSE ${scratch})
  set(headers ${scratch}/include/openquant)
  file(WRITE ${headers}/openquant.hpp "#include <openquant/quantizer/a.hpp>\n")
  file(WRITE ${headers}/core/simd_x.hpp "#include <xsimd/xsimd.hpp>\n_mm_setzero_ps();\n")
  file(WRITE ${headers}/core/simd.hpp
       "#include <openquant/core/simd_x.hpp>\n#include <openquant/core/x.hpp>\n")
  file(WRITE ${headers}/core/x.hpp "#include <vector>\n")
  file(WRITE ${headers}/linalg/m.hpp "#include <Eigen/Core>\n")
  file(WRITE ${headers}/layer/l.hpp "#include <openquant/core/x.hpp>\n")
  file(WRITE ${headers}/rotation/r.hpp "#include <openquant/linalg/m.hpp>\n")
  file(WRITE ${headers}/quantizer/a.hpp
       "#include <openquant/core/x.hpp>\nstatic_assert(Quantizer<a<1>> && Quantizer<a<2>>);\n")
  file(WRITE ${headers}/quantizer/table.hpp "")
  file(WRITE ${headers}/format/j.hpp "#include <nlohmann/json.hpp>\n")
  file(WRITE ${headers}/cuda/k.hpp "#include <openquant/core/x.hpp>\n")
  file(WRITE ${headers}/cuda/k.cuh "#include <openquant/cuda/k.hpp>\n")
  file(WRITE ${headers}/cuda/launch.cuh "")
  file(WRITE ${scratch}/tests/cuda/k_test.cu "")
  file(WRITE ${scratch}/tests/cuda/launch_test.cu "")
  file(WRITE ${scratch}/docs/cuda/launch.md "")
  foreach(name core/simd core/simd_x core/x linalg/m layer/l rotation/r quantizer/a quantizer/table
               format/j cuda/k)
    file(WRITE ${scratch}/tests/${name}_test.cpp "")
    file(WRITE ${scratch}/docs/${name}.md "")
  endforeach()
  file(WRITE ${scratch}/bench/quantizer/a_bench.cpp "")
  file(WRITE ${scratch}/examples/e.cpp
       "int main() {\n  // snippet: s\n  int a[2];\n\n  if (a)\n    f();\n  // snippet end\n}\n")
  file(WRITE ${scratch}/README.md
       "text\n<!-- snippet: s -->\n```cpp\nint a[2];\n\nif (a)\n  f();\n```\ntext\n")
endfunction()

function(check script)
  set(root ${scratch})
  if(script STREQUAL "layering")
    set(root ${scratch}/include/openquant)
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -D root=${root} -P ${tests}/${script}.cmake
                  RESULT_VARIABLE status OUTPUT_VARIABLE said ERROR_VARIABLE said)
  set(status ${status} PARENT_SCOPE)
  set(said "${said}" PARENT_SCOPE)
endfunction()

function(expect_pass script)
  check(${script})
  if(NOT status EQUAL 0)
    message(SEND_ERROR "${script}: refuses a sound repository: ${said}")
  endif()
endfunction()

# The fault: `text` is appended to `file`, or with text REMOVE the file is gone.
function(expect_refusal script file text words)
  lay_out()
  if(text STREQUAL "REMOVE")
    file(REMOVE ${scratch}/${file})
  else()
    file(APPEND ${scratch}/${file} "${text}\n")
  endif()
  check(${script})
  string(REGEX REPLACE "[ \n]+" " " said "${said}")
  string(FIND "${said}" "${words}" found)
  if(status EQUAL 0 OR found EQUAL -1)
    message(SEND_ERROR "${script}: \"${text}\" in ${file} does not give \"${words}\" but: ${said}")
  endif()
endfunction()

lay_out()
expect_pass(layering)
expect_pass(mirror)
expect_pass(snippets)

set(include include/openquant)
expect_refusal(layering ${include}/core/x.hpp "#include <openquant/linalg/m.hpp>"
               "core/x.hpp: core/ may not include linalg/m.hpp")
expect_refusal(layering ${include}/layer/l.hpp "  # include <openquant/quantizer/a.hpp>"
               "layer/l.hpp: layer/ may not include quantizer/a.hpp")
expect_refusal(layering ${include}/quantizer/a.hpp "#include <openquant/rotation/r.hpp>"
               "quantizer/a.hpp: quantizer/ may not include rotation/r.hpp")
expect_refusal(layering ${include}/openquant.hpp "#include <openquant/core/gone.hpp>"
               "openquant.hpp: includes core/gone.hpp, which is not there")
expect_refusal(layering ${include}/cuda/c.cuh "#include <openquant/cuda/c.cuh>"
               "circle of includes: cuda/c.cuh")
expect_refusal(layering ${include}/rotation/r.hpp "#include <openquant/cuda/k.hpp>"
               "rotation/r.hpp: rotation/ may not include cuda/k.hpp")
expect_refusal(layering ${include}/core/x.hpp "#include \"openquant/core/simd.hpp\""
               "circle of includes: core/simd.hpp")
expect_refusal(layering ${include}/utils/u.hpp "" "layering.cmake does not know utils/")
expect_refusal(layering ${include}/quantizer/a.hpp "xsimd::batch<float> b[4];"
               "quantizer/a.hpp: names xsimd")
expect_refusal(layering ${include}/layer/l.hpp "_mm256_setzero_ps();" "layer/l.hpp: names xsimd")
expect_refusal(layering ${include}/core/x.hpp "#include <immintrin.h>" "core/x.hpp: names xsimd")
expect_refusal(layering ${include}/layer/l.hpp "#include <Eigen/Core>" "layer/l.hpp: names Eigen")
expect_refusal(layering ${include}/core/x.hpp "cblas_sgemm();" "core/x.hpp: names BLAS")
expect_refusal(layering ${include}/core/x.hpp "nlohmann::json j;" "core/x.hpp: names JSON")

expect_refusal(mirror tests/linalg/m_test.cpp REMOVE "linalg/m.hpp has no tests/linalg/m_test.cpp")
expect_refusal(mirror docs/core/x.md REMOVE "core/x.hpp has no docs/core/x.md")
expect_refusal(mirror bench/quantizer/a_bench.cpp REMOVE
               "quantizer/a.hpp has no bench/quantizer/a_bench.cpp")
expect_refusal(mirror tests/cuda/k_test.cu REMOVE "cuda/k.cuh has no tests/cuda/k_test.cu")
expect_refusal(mirror tests/cuda/k_test.cpp REMOVE "cuda/k.hpp has no tests/cuda/k_test.cpp")
expect_refusal(mirror docs/cuda/launch.md REMOVE "cuda/launch.cuh has no docs/cuda/launch.md")
expect_refusal(mirror tests/cuda/l_test.cu "" "tests/cuda/l_test.cu has no include/openquant/cuda/l.cuh")
expect_refusal(mirror docs/core/y.md "" "docs/core/y.md has no include/openquant/core/y.hpp")
expect_refusal(mirror tests/core/y_test.cpp "" "tests/core/y_test.cpp has no")
expect_refusal(mirror bench/core/y_bench.cpp "" "bench/core/y_bench.cpp has no")

expect_refusal(snippets examples/e.cpp "// snippet: t\nint b;\n// snippet end"
               "examples/e.cpp: no page shows the snippet t")
expect_refusal(snippets docs/p.md "<!-- snippet: s -->\n```cpp\nint a[3];\n```"
               "docs/p.md: snippet s differs")
expect_refusal(snippets docs/p.md "<!-- snippet: u -->" "docs/p.md: no example has the snippet u")
expect_refusal(snippets README.md "```cpp\nint free;\n```" "README.md: 2 blocks of C++, 1 of them")
file(REMOVE_RECURSE ${scratch})
