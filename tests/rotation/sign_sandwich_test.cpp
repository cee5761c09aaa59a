// SPDX-License-Identifier: Apache-2.0
#include <openquant/rotation/sign_sandwich.hpp>

#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;

/// The sandwich as a rotation of its own, to put it before the laws.
template <index_t Block>
struct sandwich {
  std::uint64_t seed = 0;
  static std::string name() { return "sandwich"; }
  index_t stored_bits(index_t) const { return 64; }
  rotation::sign_sandwich bind(index_t n) const { return {seed, n, Block}; }
};

/// The mistake the sandwich guards against: signs after the transform alone.
struct signs_after {
  std::uint64_t seed = 0;
  struct bound {
    linalg::hadamard_transform transform;
    std::uint64_t seed;
    void flip(std::span<float> x) const {
      for (std::size_t j = 0; j < x.size(); ++j) x[j] *= random::sign(seed, j);
    }
    void apply(std::span<float> x) const { transform.apply(x), flip(x); }
    void apply_inverse(std::span<float> x) const { flip(x), transform.apply_inverse(x); }
  };
  static std::string name() { return "signs_after"; }
  index_t stored_bits(index_t) const { return 64; }
  bound bind(index_t n) const { return {linalg::hadamard_transform(n), seed}; }
};

/// The signs of rows from 4096 on are bits. 1 / 64 times a sum is exact, wherever it stands.
TEST_CASE("sign_sandwich: it is the two diagonals that it tells, around the transform") {
  constexpr std::uint64_t seed = 5;
  for (const index_t block : {48, 4096}) {
    CAPTURE(block);
    const index_t n = 2 * block, rows = 3;
    const rotation::sign_sandwich r(seed, n, block);
    REQUIRE(r.block() == block);
    const std::vector<float> before = r.before(), after = r.after();
    const float root = 1.0f / std::sqrt(static_cast<float>(block));
    REQUIRE(std::ssize(before) == n);
    REQUIRE(std::ssize(after) == n);
    int wrong = 0;
    for (std::size_t j = 0; j < before.size(); ++j) {
      wrong += before[j] != random::sign(seed, 2 * j);
      wrong += after[j] != random::sign(seed, 2 * j + 1) * root;
    }
    CHECK(wrong == 0);

    const linalg::hadamard_transform h(block);
    const auto part = [&](const std::vector<float>& of, index_t b) {
      return std::span(of).subspan(static_cast<std::size_t>(b), static_cast<std::size_t>(block));
    };
    matrix<float> x(rows, n);
    for (index_t i = 0; i < rows * n; ++i) {
      x.data()[i] = random::normal(4, static_cast<std::uint64_t>(i));
    }
    matrix<float> expected(x.view());
    for (index_t b = 0; b < n; b += block) {
      h.apply_between(expected.view().block(0, b, rows, block), part(before, b), part(after, b));
    }
    matrix<float> narrow(x.view()), columns(n, lane_count<batch<default_arch>>);
    const auto used = columns.view().block(0, 0, n, rows);
    transpose(x.view(), used);
    r.apply(x.view());
    CHECK(x == expected);
    r.apply<baseline_arch>(narrow.view());
    CHECK(narrow == expected);
    r.apply_columns<batch<default_arch>>(columns.data());
    transpose(used, narrow.view());
    CHECK(narrow == expected);
    for (index_t b = 0; b < n; b += block) {
      h.apply_inverse_between(expected.view().block(0, b, rows, block), part(after, b),
                              part(before, b));
    }
    r.apply_inverse(x.view());
    CHECK(x == expected);
    r.apply_inverse<baseline_arch>(narrow.view());
    CHECK(narrow == expected);
  }
}

TEST_CASE("sign_sandwich: laws") {
  laws::check_rotation_laws(sandwich<64>{.seed = 5}, 64);
  laws::check_rotation_laws(sandwich<64>{.seed = 5}, 192);
  laws::check_rotation_laws(sandwich<12>{.seed = 5}, 36);
}

TEST_CASE("sign_sandwich: one block of two, by hand") {
  // The signs are those of random::sign: even positions before, odd positions after.
  const std::uint64_t seed = 11;
  const auto sign = [&](std::uint64_t i) { return static_cast<double>(random::sign(seed, i)); };
  std::vector<float> x{3, 1};
  rotation::sign_sandwich(seed, 2, 2).apply(x);
  const double a = 3 * sign(0), b = 1 * sign(2), root = std::sqrt(0.5);
  CHECK(static_cast<double>(x[0]) == doctest::Approx(sign(1) * (a + b) * root));
  CHECK(static_cast<double>(x[1]) == doctest::Approx(sign(3) * (a - b) * root));
}

TEST_CASE("sign_sandwich: blocks do not mix") {
  std::vector<float> x = laws::unit_vector(24, 13);
  rotation::sign_sandwich(1, 24, 8).apply(x);
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double expected = j / 8 == 1 ? std::sqrt(1.0 / 8) : 0;
    CHECK(std::fabs(static_cast<double>(x[j])) == doctest::Approx(expected));
  }
}

TEST_CASE("sign_sandwich: the rows of a matrix are as one by one") {
  constexpr index_t rows = 5, n = 192, gap = 4;
  const rotation::sign_sandwich r(3, n, 64);
  matrix<float> all(rows, n + gap), single(rows, n + gap);
  for (index_t i = 0; i < rows * (n + gap); ++i) {
    all.data()[i] = single.data()[i] = random::normal(4, static_cast<std::uint64_t>(i));
  }
  r.apply(all.view().block(0, 0, rows, n));
  for (index_t i = 0; i < rows; ++i) r.apply(single.view().block(0, 0, rows, n).row(i));
  CHECK(all == single);
  r.apply_inverse(all.view().block(0, 0, rows, n));
  for (index_t i = 0; i < rows; ++i) r.apply_inverse(single.view().block(0, 0, rows, n).row(i));
  CHECK(all == single);
}

TEST_CASE("sign_sandwich: a flip after the transform alone fails the law") {
  const signs_after broken{.seed = 5};
  for (const index_t n : {64, 256, 1024}) {
    CAPTURE(n);
    CHECK(laws::preserves_products(broken, n));  // orthogonal, seeded, and yet no good:
    CHECK(laws::seed_matters(broken, n));
    CHECK(!laws::spreads_outliers(broken, n));
    // a coherent row becomes one outlier of sqrt(n), whatever the seed
    const std::vector<float> ones(static_cast<std::size_t>(n), 1.0f);
    const double gathered = laws::largest(laws::rotated(broken.bind(n), ones));
    CHECK(gathered == doctest::Approx(std::sqrt(static_cast<double>(n))));
  }
}

}  // namespace
