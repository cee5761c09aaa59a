// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>

/// The words every other header needs: the index type, the version, and how to mark code that runs
/// on the CPU and in a CUDA thread alike.

#define OPENQUANT_VERSION_MAJOR 0
#define OPENQUANT_VERSION_MINOR 1
#define OPENQUANT_VERSION_PATCH 0

#if defined(__CUDACC__)
#define OPENQUANT_HD __host__ __device__
#else
#define OPENQUANT_HD
#endif

// In device code a loop over registers must be unrolled, or its array moves to local memory.
#if defined(__CUDA_ARCH__)
#define OPENQUANT_UNROLL _Pragma("unroll")
#else
#define OPENQUANT_UNROLL
#endif

// For a long function that device code calls in several places: one copy of its code and its stack.
#if defined(__CUDA_ARCH__)
#define OPENQUANT_CALLED __attribute__((noinline))
#else
#define OPENQUANT_CALLED
#endif

// For the inner function of a kernel, whose registers must not go through memory; and for a lambda
// there, after its parameters. Not under the address sanitizer, whose checks make a unit of
// written-out loops a hundred times as long to compile.
#if defined(__GNUC__) && !defined(__SANITIZE_ADDRESS__)
#define OPENQUANT_INLINE inline __attribute__((always_inline))
#define OPENQUANT_INLINE_LAMBDA __attribute__((always_inline))
#else
#define OPENQUANT_INLINE inline
#define OPENQUANT_INLINE_LAMBDA
#endif

// For a long function of which each caller would else get a copy.
#if defined(__GNUC__)
#define OPENQUANT_NOINLINE __attribute__((noinline))
#else
#define OPENQUANT_NOINLINE
#endif

namespace openquant {

/// Sizes and positions: signed, so that differences and reversed loops are safe.
using index_t = std::ptrdiff_t;

}  // namespace openquant
