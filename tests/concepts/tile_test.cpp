// SPDX-License-Identifier: Apache-2.0
#include <openquant/concepts/tile.hpp>

#include "laws/quantizer_laws.hpp"
#include "laws/tile_quantizer_laws.hpp"
#include "layer/butterfly_quantizer.hpp"
#include "layer/pair_quantizer.hpp"

namespace {

using namespace openquant;
using test::butterfly_quantizer;
using test::pair_quantizer;

/// Two weights of a row in two integers of one bit each, their signs.
struct two_signs {
  static constexpr index_t dim = 2, code_fields = 2, scale_fields = 1;
  static constexpr int code_bits = 2;
  static std::string name() { return "two_signs"; }
  int scale_bits() const { return 0; }
  template <class T>
  vec<T, 1> fit(const group_view<T>&) const {
    return {T(1.0f)};
  }
  template <class T>
  vec<lane_int_t<T>, 2> encode(const vec<T, 2>& x, const vec<T, 1>&) const {
    const auto sign = [](T u) { return to_int(select(u < T(0.0f), T(0.0f), T(1.0f))); };
    return {sign(x[0]), sign(x[1])};
  }
  template <class T, class Code>
  vec<T, 2> decode(const Code& c, const vec<T, 1>& s) const {
    const auto value = [&](const auto& i) { return (to_float(i) * T(2.0f) - T(1.0f)) * s[0]; };
    return {value(c[0]), value(c[1])};
  }
  std::uint64_t pack(const vec<float, 1>&) const { return 0; }
  vec<float, 1> unpack(std::uint64_t) const { return {1}; }
};
static_assert(PointQuantizer<two_signs> && !TileQuantizer<two_signs>);
static_assert(code_fields<two_signs> == 2 && field_bits<two_signs> == 1);
static_assert(code_fields<pair_quantizer> == 1 && field_bits<pair_quantizer> == 4);
static_assert(tile_rows<pair_quantizer> == 1 && tile_rows<butterfly_quantizer> == 2);
static_assert(code_rate<pair_quantizer> == 2 && code_rate<butterfly_quantizer> == 4);

// One requirement each is missing or wrong.
struct uneven : two_signs {
  static constexpr int code_bits = 3;
};
struct three_rows : butterfly_quantizer {
  static constexpr index_t tile_rows = 3;
};
struct without_workspace : butterfly_quantizer {
  using workspace = void;
};
static_assert(!Quantizer<uneven> && !Quantizer<three_rows> && !Quantizer<without_workspace>);

TEST_CASE("tile: quantizers of fields and of tiles pass their laws") {
  laws::check_quantizer_laws(two_signs{});
  laws::check_tile_quantizer_laws(butterfly_quantizer{});
  laws::check_tile_quantizer_laws(butterfly_quantizer{.scaled = false});
}

// What is a quantizer of tiles to the compiler, and breaks one law each.
struct counts_calls : butterfly_quantizer {  // remembers the tile before
  template <class T>
  void encode_tile(matrix_view<const float> x, matrix_view<const float> s,
                   std::span<std::int32_t> c, workspace& memory) const {
    butterfly_quantizer::encode_tile<T>(x, s, c, memory);
    if (memory.calls > 3) c[0] = 0;
  }
};
struct offset : butterfly_quantizer {  // an additive constant
  template <class T>
  void decode_tile(std::span<const std::int32_t> c, matrix_view<const float> s,
                   matrix_view<float> x) const {
    butterfly_quantizer::decode_tile<T>(c, s, x);
    for (index_t r = 0; r < 2; ++r) x(0, r) += 0.25f;
  }
};
struct lanes_differ : butterfly_quantizer {  // another code in lanes
  template <class T>
  void encode_tile(matrix_view<const float> x, matrix_view<const float> s,
                   std::span<std::int32_t> c, workspace& memory) const {
    butterfly_quantizer::encode_tile<T>(x, s, c, memory);
    if constexpr (lane_count < T >> 1) c[1] ^= 1;
  }
};
struct wide_code : butterfly_quantizer {  // a fifth bit
  template <class T>
  void encode_tile(matrix_view<const float>, matrix_view<const float>, std::span<std::int32_t> c,
                   workspace&) const {
    c[0] = c[1] = 16;
  }
};

TEST_CASE("tile: every law refuses who breaks it") {
  CHECK_THROWS_AS(laws::tiles_are_finite_and_deterministic(counts_calls{}), error);
  CHECK_THROWS_AS(laws::tiles_are_finite_and_deterministic(wide_code{}), error);
  CHECK_THROWS_AS(laws::powers_of_two_pass_through_tiles(offset{}), error);
  CHECK_THROWS_AS(laws::tiles_agree_with_scalars<batch<default_arch>>(lanes_differ{}), error);
}

/// encode_rows and decode_rows in lane type T against the quantizer's own functions, row by row.
template <class T>
void check_points() {
  constexpr index_t rows = 32;
  const pair_quantizer q;
  matrix<float> x(2, rows), s(1, rows), x_hat(2, rows);
  for (index_t r = 0; r < rows; ++r) {
    for (index_t k = 0; k < 2; ++k) x(k, r) = laws::panel_weight(r, k);
    s(0, r) = 0.1f * static_cast<float>(r % 5);
  }
  workspace<pair_quantizer> memory;
  row_codes<pair_quantizer, rows> c;
  encode_rows<T>(q, x, s, memory, c);
  decode_rows<T>(q, c, s, x_hat);
  for (index_t r = 0; r < rows; ++r) {
    const vec<float, 2> point{x(0, r), x(1, r)};
    const std::int32_t code = q.encode(point, vec<float, 1>{s(0, r)});
    CHECK(c(r, 0) == code);
    const auto y = q.decode(code, vec<float, 1>{s(0, r)});
    CHECK(x_hat(0, r) == y[0]);
    CHECK(x_hat(1, r) == y[1]);
  }
}

TEST_CASE("tile: points are coded row by row in any lane type") {
  check_points<float>();
  check_points<batch<baseline_arch>>();
  check_points<batch<default_arch>>();
}

TEST_CASE("tile: tiles are coded one after the other") {
  constexpr index_t rows = 4;
  const butterfly_quantizer q;
  matrix<float> x(1, rows), s(1, rows), x_hat(1, rows);
  for (index_t r = 0; r < rows; ++r) s(0, r) = 1;
  x(0, 0) = 1, x(0, 1) = 0.5f, x(0, 2) = -0.25f, x(0, 3) = -0.75f;
  workspace<butterfly_quantizer> memory;
  row_codes<butterfly_quantizer, rows> c;
  encode_rows<float>(q, x, s, memory, c);
  CHECK(memory.calls == 2);
  // by hand: half sums 0.75 and -0.5, half differences 0.25 and 0.25, in quarters above 8
  CHECK(c(0, 0) == 11);
  CHECK(c(0, 1) == 9);
  CHECK(c(1, 0) == 6);
  CHECK(c.tile(1)[1] == 9);
  decode_rows<float>(q, c, s, x_hat);
  CHECK(x_hat == x);
}

}  // namespace
