// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <doctest/doctest.h>
#include <set>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/lattice/d_plus.hpp>
#include <openquant/lattice/e8.hpp>
#include <openquant/lattice/integer.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/quantizer/voronoi_code.hpp>

namespace {

using namespace openquant;
using lattice::d;
using lattice::d_plus;
using lattice::e8;
using lattice::integer;
using lattice::leech;
using quantizer::voronoi_code;

template <class Code>
constexpr bool has_layout(int information, index_t fields, int width) {
  return Code::information_bits == information && Code::fields == fields &&
         Code::field_bits == width;
}
static_assert(has_layout<voronoi_code<e8, 14>>(33, 3, 11));
static_assert(has_layout<voronoi_code<e8, 13>>(32, 2, 16));
static_assert(has_layout<voronoi_code<e8, 16>>(34, 5, 7));  // 35 bits, one of them unused
static_assert(has_layout<voronoi_code<e8, 4>>(18, 1, 18));
static_assert(has_layout<voronoi_code<d_plus<12>, 14>>(48, 3, 16));
static_assert(has_layout<voronoi_code<leech, 14>>(94, 6, 16));  // 94 = 47 x 2 takes too many
static_assert(has_layout<voronoi_code<leech, 255>>(194, 17, 12));
static_assert(has_layout<voronoi_code<integer<1>, 255>>(10, 1, 10));

TEST_CASE("voronoi_code: a lattice's unit of length") {
  CHECK(voronoi_code<e8, 14>::unit_length == 1);
  CHECK(voronoi_code<leech, 14>::unit_length == doctest::Approx(std::sqrt(8.0)).epsilon(1e-12));
  CHECK(voronoi_code<d<4>, 14>::unit_length == doctest::Approx(std::pow(2.0, 0.25)).epsilon(1e-12));
}

TEST_CASE("voronoi_code: in one dimension the remainders about 0") {
  using code = voronoi_code<integer<1>, 5>;
  for (int p = -20; p <= 20; ++p) {
    const auto c = code::digits(vec<float, 1>{static_cast<float>(p)});
    CHECK(c[0] == static_cast<float>((p + 20) % 5));
    CHECK(code::representative(c)[0] == static_cast<float>((p + 22) % 5 - 2));
  }
}

TEST_CASE("voronoi_code: E8 modulo 2 has 256 cosets, each with a shortest point") {
  using code = voronoi_code<e8, 2>;
  std::set<std::array<float, 8>> points;
  std::array<int, 5> of_norm{};
  for (int number = 0; number < 256; ++number) {
    vec<float, 8> c;
    for (index_t i = 0; i < 8; ++i) c[i] = static_cast<float>(number >> i & 1);
    const vec<float, 8> r = code::representative(c), again = code::digits(r);
    std::array<float, 8> point;
    for (index_t i = 0; i < 8; ++i) {
      CHECK(again[i] == c[i]);
      point[static_cast<std::size_t>(i)] = r[i];
    }
    points.insert(point);
    ++of_norm.at(static_cast<std::size_t>(squared_norm(r)));
  }
  CHECK(points.size() == 256);
  // Conway & Sloane, SPLAG, ch. 14: 1 + 240/2 + 2160/16.
  CHECK(of_norm[0] == 1);
  CHECK(of_norm[2] == 120);
  CHECK(of_norm[4] == 135);
}

/// Random digits through join and split, and the representative's own digits.
template <class T, class Code>
void round_trip() {
  constexpr index_t lanes = lane_count<T>, dim = Code::dim;
  constexpr int radix = Code::radix;
  int wrong = 0;
  for (std::uint64_t trial = 0; trial < 64; ++trial) {
    vec<T, dim> c, again;
    T scale, t;
    const auto draw = [&](std::uint64_t seed, int n) {
      float lane[lanes];
      for (index_t l = 0; l < lanes; ++l) {
        const auto value = random::index(seed, trial * 64 + static_cast<std::uint64_t>(l),
                                         static_cast<std::uint32_t>(n));
        lane[l] = trial == 0 ? static_cast<float>(n - 1) : static_cast<float>(value);
      }
      return load<T>(lane);
    };
    for (index_t i = 0; i < dim; ++i) c[i] = draw(static_cast<std::uint64_t>(i), radix);
    scale = draw(99, 4);
    const auto code = Code::join(c, scale);
    Code::split(code, again, t);
    const vec<T, dim> reached = Code::digits(Code::representative(c));
    for (index_t l = 0; l < lanes; ++l) {
      const auto at = [&](const T& x) {
        float lane[lanes];
        store(x, lane);
        return lane[l];
      };
      wrong += at(scale) != at(t);
      for (index_t i = 0; i < dim; ++i) {
        wrong += at(c[i]) != at(again[i]) || at(c[i]) != at(reached[i]);
      }
      for (index_t f = 0; f < Code::fields; ++f) {
        std::int32_t field[lanes];
        store(code[f], field);
        wrong += field[l] < 0 || field[l] >> Code::field_bits != 0;
      }
    }
  }
  CAPTURE(radix);
  CHECK(wrong == 0);
}

TEST_CASE_TEMPLATE("voronoi_code: digits and fields come back", T, float, batch<baseline_arch>,
                   batch<default_arch>) {
  round_trip<T, voronoi_code<e8, 2>>();
  round_trip<T, voronoi_code<e8, 13>>();
  round_trip<T, voronoi_code<e8, 14>>();
  round_trip<T, voronoi_code<e8, 16>>();
  round_trip<T, voronoi_code<e8, 255>>();
  round_trip<T, voronoi_code<d_plus<12>, 14>>();
  round_trip<T, voronoi_code<d<4>, 19>>();
  round_trip<T, voronoi_code<leech, 14>>();
}

/// Lattice points in the cell, around its boundary and outside.
template <class T, class L, int q>
void check_cell() {
  using code = voronoi_code<L, q>;
  constexpr index_t lanes = lane_count<T>, dim = L::dim;
  int wrong = 0, inside = 0;
  constexpr int trials = 4096;
  for (int trial = 0; trial < trials; trial += static_cast<int>(lanes)) {
    vec<T, dim> x;
    for (index_t i = 0; i < dim; ++i) {
      float lane[lanes];
      for (index_t l = 0; l < lanes; ++l) {
        const auto draw = static_cast<std::uint64_t>((trial + l) * dim + i);
        lane[l] = static_cast<float>(code::unit_length * q) * 0.28f * random::normal(4, draw);
      }
      x[i] = load<T>(lane);
    }
    const vec<T, dim> p = L::nearest(x), r = code::representative(code::digits(p));
    float own[lanes], moved[lanes];
    store(select(code::represents_itself(p), T(1.0f), T(0.0f)), own);
    store(squared_norm(p - r), moved);
    for (index_t l = 0; l < lanes; ++l) {
      wrong += (own[l] == 1) != (moved[l] == 0);
      inside += own[l] == 1;
    }
  }
  CAPTURE(L::name());
  CAPTURE(q);
  CHECK(wrong == 0);
  CHECK(inside > trials / 10);
  CHECK(inside < trials * 9 / 10);
}

TEST_CASE_TEMPLATE("voronoi_code: points in the cell are their own representatives", T, float,
                   batch<baseline_arch>, batch<default_arch>) {
  check_cell<T, e8, 14>();
  check_cell<T, e8, 13>();
  check_cell<T, e8, 4>();
  check_cell<T, e8, 2>();
  check_cell<T, d_plus<12>, 14>();
  check_cell<T, d<4>, 9>();
  check_cell<T, leech, 14>();
}

TEST_CASE("voronoi_code: the number is in mixed radix, the scale lowest") {
  using code = voronoi_code<e8, 13>;
  vec<float, 8> c{1, 2, 3, 4, 5, 6, 7, 12};
  std::int64_t number = 0;
  for (index_t i = 7; i >= 0; --i) number = number * 13 + static_cast<std::int64_t>(c[i]);
  number = number * 4 + 3;
  const auto fields = code::join(c, 3.0f);
  CHECK(fields[0] == number % 65536);
  CHECK(fields[1] == number / 65536);
}

}  // namespace
