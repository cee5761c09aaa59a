// SPDX-License-Identifier: Apache-2.0
#include <openquant/rotation/dense.hpp>
#include <openquant/rotation/hadamard.hpp>

#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;
using rotation::dense;

matrix<float> identity_matrix(index_t n) {
  matrix<float> r(n, n);
  for (index_t i = 0; i < n; ++i) r(i, i) = 1;
  return r;
}

/// Gram and Schmidt's rows of a random Gaussian matrix, twice over for orthogonality to rounding.
matrix<float> random_orthogonal(index_t n, std::uint64_t seed) {
  std::vector<std::vector<double>> rows(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (index_t j = 0; j < n; ++j) {
      rows[i].push_back(static_cast<double>(
          random::normal(seed, i * static_cast<std::size_t>(n) + static_cast<std::size_t>(j))));
    }
    const auto dot = [](const auto& a, const auto& b) {
      double sum = 0;
      for (std::size_t j = 0; j < a.size(); ++j) sum += a[j] * b[j];
      return sum;
    };
    for (std::size_t k = 0; k < 2 * i; ++k) {
      const auto& other = rows[k % i];
      const double shadow = dot(rows[i], other);
      for (std::size_t j = 0; j < other.size(); ++j) rows[i][j] -= shadow * other[j];
    }
    const double length = std::sqrt(dot(rows[i], rows[i]));
    for (double& value : rows[i]) value /= length;
  }
  matrix<float> r(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      r(i, j) = static_cast<float>(rows[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)]);
    }
  }
  return r;
}

TEST_CASE("dense: laws") {
  for (const index_t n : {1, 2, 17, 64, 96})
    laws::check_rotation_laws(dense(random_orthogonal(n, 4)), n);
}

TEST_CASE("dense: x <- R x, a quarter turn by hand") {
  matrix<float> r(2, 2);
  r(0, 1) = -1, r(1, 0) = 1;
  std::vector<float> x{3, 5};
  dense(r).bind(2).apply(x);
  CHECK(x == std::vector<float>{-5, 3});
  dense(r).bind(2).apply_inverse(x);
  CHECK(x == std::vector<float>{3, 5});
}

TEST_CASE("dense: the matrix of another rotation is that rotation") {
  const auto other = rotation::hadamard{.seed = 9}.bind(40);
  matrix<float> r(40, 40);
  for (index_t j = 0; j < 40; ++j) {
    const std::vector<float> column = laws::rotated(other, laws::unit_vector(40, j));
    for (index_t i = 0; i < 40; ++i) r(i, j) = column[static_cast<std::size_t>(i)];
  }
  const std::vector<float> x = laws::normal_vector(40, 1), expected = laws::rotated(other, x);
  std::vector<float> difference = laws::rotated(dense(r).bind(40), x);
  for (std::size_t j = 0; j < 40; ++j) difference[j] -= expected[j];
  CHECK(laws::norm(difference) <= laws::rotation_tolerance * laws::norm(x));
}

TEST_CASE("dense: a matrix that is not square is refused with its shape") {
  CHECK_THROWS_WITH_AS(dense(matrix<float>(2, 3)), "dense: a (2, 3) matrix", error);
}

TEST_CASE("dense: a matrix that is not orthogonal is refused with rows and product") {
  matrix<float> r = identity_matrix(3);
  r(1, 2) = 0.5f;
  CHECK_THROWS_WITH_AS(dense{r}, "dense: not orthogonal, rows 1 and 1 have the product 1.25",
                       error);
  r = identity_matrix(3);
  r(2, 2) = 0;
  CHECK_THROWS_WITH_AS(dense{r}, "dense: not orthogonal, rows 2 and 2 have the product 0", error);
  r = identity_matrix(3);
  r(0, 0) = std::nanf("");
  CHECK_THROWS_AS(dense{r}, error);
  r = identity_matrix(2);  // just inside and just outside of 1e-4
  r(0, 1) = 0.9e-4f;
  CHECK_NOTHROW(dense{r});
  r(0, 1) = 1.1e-4f;
  CHECK_THROWS_WITH_AS(dense{r}, "dense: not orthogonal, rows 0 and 1 have the product 0.00011",
                       error);
}

TEST_CASE("dense: rows of another length are refused") {
  CHECK_THROWS_WITH_AS(dense(identity_matrix(3)).bind(4),
                       "dense: the matrix is of order 3, the rows have 4", error);
  CHECK_THROWS_AS(dense().bind(4), error);
}

TEST_CASE("dense: the matrix is stored") {
  CHECK(dense(identity_matrix(3)).stored_bits(3) == 32 * 3 * 3);
  CHECK(dense::name() == "dense");
}

}  // namespace
