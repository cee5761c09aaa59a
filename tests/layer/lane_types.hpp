// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/simd.hpp>

/// Every lane width that this build has: one, SSE2's, AVX2's and AVX-512's on x86-64.
namespace openquant::test {

using lane_1 = float;
using lane_baseline = batch<baseline_arch>;
#if defined(__AVX2__)
using lane_middle = batch<xsimd::avx2>;
#else
using lane_middle = batch<baseline_arch>;
#endif
using lane_widest = batch<default_arch>;

}  // namespace openquant::test
