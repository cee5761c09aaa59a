// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <vector>

#include <openquant/lattice/e8.hpp>
#include <openquant/metric/gaussian.hpp>
#include <openquant/quantizer/companded.hpp>

#include "laws/quantizer_laws.hpp"

namespace {

using namespace openquant;
using lattice::d_plus;
using lattice::e8;
using quantizer::companded;
using quantizer::gaussian_fit;
using quantizer::half_coset;

static_assert(Quantizer<companded<e8, 1>> && Quantizer<companded<e8, 5>>);
static_assert(Quantizer<companded<d_plus<12>, 4>>);
static_assert(companded<e8, 4>::code_bits == 32 && companded<e8, 4>::code_fields == 8);

TEST_CASE("companded: laws") {
  laws::check_quantizer_laws(companded<e8, 1>{});
  laws::check_quantizer_laws(companded<e8, 2>{.fit_by = gaussian_fit::none});
  laws::check_quantizer_laws(companded<e8, 3>{.fit_by = gaussian_fit::norm});
  laws::check_quantizer_laws(companded<e8, 4>{});
  laws::check_quantizer_laws(companded<d_plus<4>, 2>{.fit_by = gaussian_fit::mse});
  laws::check_quantizer_laws(companded<d_plus<12>, 4>{});
  laws::check_quantizer_laws(companded<e8, 1, half_coset::median>{});
  laws::check_quantizer_laws(companded<e8, 2, half_coset::linear>{});
  laws::check_quantizer_laws(companded<e8, 3, half_coset::median>{.fit_by = gaussian_fit::none});
  laws::check_quantizer_laws(companded<d_plus<4>, 4, half_coset::linear>{});
}

/// Every code of two bits a weight, in the base 4.
template <class Q>
vec<std::int32_t, Q::dim> code_of(int number) {
  vec<std::int32_t, Q::dim> c;
  for (index_t i = 0; i < Q::dim; ++i) c[i] = number >> (2 * i) & 3;
  return c;
}

TEST_CASE_TEMPLATE("companded: no code is nearer, by trying all 65536 of E8 at 2 bits", Q,
                   companded<e8, 2>, companded<e8, 2, half_coset::median>) {
  const vec<float, 1> sigma{1};
  std::vector<vec<float, 8>> points;
  for (int number = 0; number < 65536; ++number) {
    points.push_back(Q{}.decode(code_of<Q>(number), sigma));
  }
  for (std::uint64_t i = 0; i < 150; ++i) {
    vec<float, 8> x;
    for (index_t k = 0; k < 8; ++k) {
      x[k] = (0.5f + static_cast<float>(i % 3)) *
             random::normal(3, i * 8 + static_cast<std::uint64_t>(k));
    }
    float least = 1e9f;
    for (const auto& p : points) least = std::min(least, squared_norm(p - x));
    CHECK(squared_norm(Q{}.decode(Q{}.encode(x, sigma), sigma) - x) <= least * (1 + 1e-5f));
  }
}

TEST_CASE_TEMPLATE("companded: every code of E8 at 2 bits is its own point's", Q, companded<e8, 2>,
                   companded<e8, 2, half_coset::median>) {
  int wrong = 0;
  for (int number = 0; number < 65536; number += 7) {
    const auto c = code_of<Q>(number);
    const auto again = Q{}.encode(Q{}.decode(c, vec<float, 1>{3}), vec<float, 1>{3});
    for (index_t i = 0; i < 8; ++i) wrong += again[i] != c[i];
  }
  CHECK(wrong == 0);
}

TEST_CASE("companded: the parity of the indices says whose levels they are") {
  using Q = companded<e8, 3>;
  const auto book = quantizer::gaussian_codebook<8>();
  const auto level = [&](int j) {
    return static_cast<float>(Q::contraction * (j < 8 ? -book.level[7 - j] : book.level[j - 8]));
  };
  const vec<std::int32_t, 8> even{0, 1, 2, 3, 4, 5, 6, 7}, odd{0, 1, 2, 3, 4, 5, 6, 6};
  const auto x = Q{}.decode(even, vec<float, 1>{2}), y = Q{}.decode(odd, vec<float, 1>{2});
  for (index_t i = 0; i < 8; ++i) {
    CHECK(x[i] == 2 * level(2 * even[i]));
    CHECK(y[i] == 2 * level(2 * odd[i] + 1));
    CHECK(Q::level(i) == level(static_cast<int>(i)));
  }
}

/// Ascending levels: of Lloyd-Max where even, half way between neighbours where odd, the last one
/// `beyond` the largest.
template <class Q>
void check_midpoints(double beyond) {
  const auto book = quantizer::gaussian_codebook<Q::count / 2>();
  const auto even = [&](index_t k) {
    constexpr index_t half = Q::count / 2;
    return k < half ? -book.level[half - 1 - k] : book.level[k - half];
  };
  for (index_t k = 0; k < Q::count; ++k) {
    const bool last = k + 1 == Q::count;
    const double odd = last ? even(k) + beyond : (even(k) + even(k + 1)) / 2;
    CHECK(static_cast<double>(Q::level(2 * k)) == doctest::Approx(even(k)).epsilon(1e-6));
    CHECK(static_cast<double>(Q::level(2 * k + 1)) == doctest::Approx(odd).epsilon(1e-6));
  }
}

TEST_CASE("companded: midpoints of Lloyd-Max's levels, and one beyond them") {
  // The levels of Lloyd-Max at 2 bits are .4528 and 1.5104; at 3 bits .2451, .7560, 1.3439, 2.1520:
  // seven distances, .4902 once and .5109, .5879, .8081 twice.
  const auto at = quantizer::gaussian_codebook<2>();
  const auto up = quantizer::gaussian_codebook<4>();
  check_midpoints<companded<e8, 2, half_coset::median>>((at.level[1] - at.level[0]) / 2);
  check_midpoints<companded<e8, 2, half_coset::linear>>((at.level[1] - at.level[0]) / 2);
  check_midpoints<companded<e8, 3, half_coset::median>>((up.level[2] - up.level[1]) / 2);
  check_midpoints<companded<e8, 3, half_coset::linear>>((up.level[3] - up.level[2]) / 2);
  CHECK((up.level[2] - up.level[1]) == doctest::Approx(.5879).epsilon(1e-3));
}

TEST_CASE("companded: a wrong parity is repaired where it costs least") {
  // Near level 8 = 2 * 4 of 16 in all coordinates but one, that one a third of the way from level 8
  // to level 10: eight times 4 is even, so all stay; with one of them at level 10, index 5, the sum
  // is odd, and the least certain coordinate moves.
  using Q = companded<e8, 3>;
  vec<float, 8> x;
  for (index_t i = 0; i < 8; ++i) x[i] = Q::level(8);
  x[3] = Q::level(8) + 0.6f * (Q::level(10) - Q::level(8));
  const auto c = Q{}.encode(x, vec<float, 1>{1});
  for (index_t i = 0; i < 8; ++i) CHECK(c[i] == 4);
}

/// The error on N(0,1) with sigma = 1, apart from `expected` by at most four standard errors.
template <class Q>
double check_gaussian(double expected, index_t samples = index_t{1} << 20) {
  const Q q{.fit_by = gaussian_fit::none};
  const auto measured = metric::gaussian<batch<default_arch>>(q, samples, 21);
  CAPTURE(Q::name());
  CAPTURE(measured.mse);
  CAPTURE(measured.standard_error);
  CHECK(std::fabs(measured.mse - expected) <= 4 * measured.standard_error);
  CHECK(measured.standard_error <= 0.004 * expected);
  return measured.mse;
}

TEST_CASE("companded: the docstring's errors and its distance from Lloyd-Max") {
  CHECK(check_gaussian<companded<e8, 2>>(.0981) < 0.85 * .11748);
  CHECK(check_gaussian<companded<e8, 3>>(.0268) < 0.79 * .034548);
  CHECK(check_gaussian<companded<e8, 4>>(.00709) < 0.76 * .009501);
  check_gaussian<companded<d_plus<12>, 2>>(.1002);
  check_gaussian<companded<d_plus<12>, 3>>(.0273);
  check_gaussian<companded<d_plus<12>, 4>>(.00721);
  check_gaussian<companded<d_plus<4>, 4>>(.0077, index_t{1} << 21);
}

TEST_CASE("companded: midpoints have the docstring's errors, above those of interleaved levels") {
  CHECK(check_gaussian<companded<e8, 2, half_coset::median>>(.1054) > 1.06 * .0981);
  CHECK(check_gaussian<companded<e8, 3, half_coset::median>>(.0291) > 1.07 * .0268);
  CHECK(check_gaussian<companded<e8, 4, half_coset::median>>(.00767) > 1.07 * .00709);
  CHECK(check_gaussian<companded<e8, 2, half_coset::linear>>(.1054) > 1.06 * .0981);
  CHECK(check_gaussian<companded<e8, 3, half_coset::linear>>(.0288) > 1.06 * .0268);
  CHECK(check_gaussian<companded<e8, 4, half_coset::linear>>(.00755) > 1.05 * .00709);
}

TEST_CASE("companded: no other factor within a tenth is better by 1 %") {
  const auto error = [](float sigma) {
    const companded<e8, 4> q;
    double sum = 0;
    for (std::uint64_t i = 0; i < 4096; ++i) {
      vec<float, 8> x;
      for (index_t k = 0; k < 8; ++k)
        x[k] = random::normal(5, i * 8 + static_cast<std::uint64_t>(k));
      const vec<float, 1> s{sigma};
      sum += static_cast<double>(squared_norm(x - q.decode(q.encode(x, s), s)));
    }
    return sum;
  };
  const double chosen = error(1);
  for (const float factor : {0.90f, 0.95f, 0.98f, 1.02f, 1.05f, 1.10f}) {
    CHECK(chosen < 1.01 * error(factor));
  }
}

TEST_CASE("companded: sigma is stored in fp16, or not at all") {
  CHECK(companded<e8, 4>{}.scale_bits() == 16);
  CHECK(companded<e8, 4>{}.pack({1.0f}) == 0x3c00);
  const companded<e8, 4> unscaled{.fit_by = gaussian_fit::none};
  CHECK(unscaled.scale_bits() == 0);
  CHECK(unscaled.unpack(unscaled.pack({1.0f}))[0] == 1.0f);
  CHECK(companded<e8, 4>::name() == "companded<e8,4>");
  CHECK(companded<d_plus<12>, 3>::name() == "companded<d_plus<12>,3>");
  CHECK(companded<e8, 4, half_coset::interleaved>::name() == "companded<e8,4>");
  CHECK(companded<e8, 4, half_coset::median>::name() == "companded<e8,4,median>");
  CHECK(companded<e8, 4, half_coset::linear>::name() == "companded<e8,4,linear>");
}

}  // namespace
