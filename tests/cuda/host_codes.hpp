// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/cuda/codes.hpp>
#include <openquant/layer/layout.hpp>

#include "layer/random_codes.hpp"

namespace openquant::test {

/// Codes of an (m, n) matrix, random ones unless they are given, in strips, in host memory that is
/// called device memory.
template <class Q>
struct host_codes {
  Q q{};
  strip_shape<Q> shape;
  packed_codes packed;
  layout::lanes<16>::codes<Q> strips;
  std::vector<cuda::table_entry<Q>> table;

  host_codes(index_t m, const strip_shape<Q>& s) : host_codes(random_codes(Q{}, m, s, 3), s) {}
  host_codes(const packed_codes& p, const strip_shape<Q>& s)
      : shape(s), packed(p), strips(q, packed, s) {
    if constexpr (table_size<Q> != 0) table.assign(Q::table().begin(), Q::table().end());
  }

  cuda::codes_view<Q> view(float unit) const {
    typename layout::lanes<16>::codes<Q>::workspace none;
    const strip_view<Q> first = strips.strip(0, none);
    return {q, shape, packed.scales.rows(), first.words, first.scales, table.data(), unit};
  }
};

}  // namespace openquant::test
