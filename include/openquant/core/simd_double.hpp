// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/simd_batch.hpp>

namespace openquant {

/// Lanes of doubles, half as many as a register has floats: sums of products and no more.
template <class Arch>
struct double_batch {
  using register_type = xsimd::batch<double, Arch>;
  static constexpr index_t lanes = static_cast<index_t>(register_type::size);
  register_type v;

  double_batch() = default;
  double_batch(double x) : v(x) {}
  double_batch(register_type x) : v(x) {}
  static double_batch load(const double* p) { return register_type::load_unaligned(p); }

  friend double_batch operator+(double_batch a, double_batch b) { return a.v + b.v; }
  friend double_batch operator*(double_batch a, double_batch b) { return a.v * b.v; }
  friend void store(double_batch x, double* p) { x.v.store_unaligned(p); }
};

}  // namespace openquant
