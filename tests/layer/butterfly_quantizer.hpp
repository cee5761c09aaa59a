// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/float16.hpp>

namespace openquant::test {

/// Half sum and half difference of two rows' weights, each in units of the row's scale and rounded
/// to 4 bits: the smallest quantizer in which rows meet, so that a solver which takes the rows of a
/// tile for independent, or cuts one, fails. `scaled = false`: no scales, weights of unit size.
struct butterfly_quantizer {
  static constexpr index_t dim = 1, tile_rows = 2, code_fields = 2, scale_fields = 1;
  static constexpr int code_bits = 8;
  struct workspace {
    index_t calls = 0;
    static constexpr index_t bytes() { return sizeof(workspace); }
  };

  bool scaled = true;

  static std::string name() { return "butterfly"; }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.scaled);
  }
  int scale_bits() const { return scaled ? 16 : 0; }

  template <class T>
  vec<T, 1> fit(const group_view<T>& group) const {
    T bound = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) bound = max(bound, abs(group[j]));
    return {scaled ? bound * T(0.5f) : T(1.0f)};
  }
  std::uint64_t pack(const vec<float, 1>& s) const {
    return scaled ? to_float16(min(s[0], 65504.0f)).bits : 0;
  }
  vec<float, 1> unpack(std::uint64_t bits) const {
    return {scaled ? to_float(float16{static_cast<std::uint16_t>(bits)}) : 1.0f};
  }

  template <class T>
  void encode_tile(matrix_view<const float> x, matrix_view<const float> s,
                   std::span<std::int32_t> c, workspace& memory) const {
    ++memory.calls;
    const auto unit = [&](index_t r) { return s(0, r) > 0 ? x(0, r) / s(0, r) : 0.0f; };
    const auto code = [](float u) { return to_int(min(max(round_even(u * 4 + 8), 0.0f), 15.0f)); };
    c[0] = code((unit(0) + unit(1)) / 2);
    c[1] = code((unit(0) - unit(1)) / 2);
  }
  template <class T>
  void decode_tile(std::span<const std::int32_t> c, matrix_view<const float> s,
                   matrix_view<float> x) const {
    const float sum = (to_float(c[0]) - 8) / 4, difference = (to_float(c[1]) - 8) / 4;
    x(0, 0) = (sum + difference) * s(0, 0);
    x(0, 1) = (sum - difference) * s(0, 1);
  }
};

static_assert(TileQuantizer<butterfly_quantizer> && !PointQuantizer<butterfly_quantizer>);

}  // namespace openquant::test
