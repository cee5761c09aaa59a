// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <numbers>

#include <openquant/concepts/rotation.hpp>
#include <openquant/core/random.hpp>
#include <openquant/rotation/dense.hpp>

#include "laws/rotation_laws.hpp"

using namespace openquant;

namespace {

// snippet: cosine
/// Random signs, then the cosine transform: any length, 2 n^2 operations a row.
struct cosine {
  std::uint64_t seed = 0;

  static std::string name() { return "cosine"; }
  index_t stored_bits(index_t) const { return 64; }
  rotation::dense::bound bind(index_t n) const {
    matrix<float> r(n, n);
    for (index_t k = 0; k < n; ++k) {
      for (index_t j = 0; j < n; ++j) {
        const double angle = std::numbers::pi * static_cast<double>(k * (2 * j + 1) % (4 * n)) /
                             static_cast<double>(2 * n);
        const double length = std::sqrt((k == 0 ? 1.0 : 2.0) / static_cast<double>(n));
        r(k, j) = static_cast<float>(length * std::cos(angle)) *
                  random::sign(seed, static_cast<std::uint64_t>(j));
      }
    }
    return rotation::dense::bound(std::move(r));
  }
};
static_assert(Rotation<cosine>);
// snippet end

TEST_CASE("rotation: one of your own passes the laws") {
  for (const index_t n : {1, 2, 11, 64, 96, 200}) laws::check_rotation_laws(cosine{.seed = 3}, n);
}

// What is no rotation: one requirement each is missing or wrong.
struct without_bind : cosine {
  void bind(index_t) const = delete;
};
struct without_inverse : cosine {
  struct bound {
    void apply(std::span<float>) const {}
  };
  bound bind(index_t) const { return {}; }
};
struct without_name : cosine {
  void name() const = delete;
};
struct stores_nothing_sayable : cosine {
  void stored_bits(index_t) const {}
};
struct binds_once : cosine {  // only a mutable one binds
  rotation::dense::bound bind(index_t n) { return cosine::bind(n); }
};
struct another : cosine {};

static_assert(Rotation<another>);
static_assert(!Rotation<int>);
static_assert(!Rotation<without_bind>);
static_assert(!Rotation<without_inverse>);
static_assert(!Rotation<without_name>);
static_assert(!Rotation<stores_nothing_sayable>);
static_assert(!Rotation<binds_once>);

// What is one to the compiler, and breaks one law each.
template <class Apply, class Inverse>
struct pair_of_maps {
  Apply apply;
  Inverse apply_inverse;
};
template <class Apply, class Inverse>
pair_of_maps(Apply, Inverse) -> pair_of_maps<Apply, Inverse>;

struct stretches : cosine {
  auto bind(index_t n) const {
    return pair_of_maps{[r = cosine::bind(n)](std::span<float> x) { r.apply(x), x[0] *= 1.001f; },
                        [r = cosine::bind(n)](std::span<float> x) { r.apply_inverse(x); }};
  }
};
struct not_inverted : cosine {
  auto bind(index_t n) const {
    return pair_of_maps{[r = cosine::bind(n)](std::span<float> x) { r.apply(x); },
                        [r = cosine::bind(n)](std::span<float> x) { r.apply(x); }};
  }
};
struct ignores_seed : cosine {
  auto bind(index_t n) const { return cosine{}.bind(n); }
};
struct without_signs : cosine {  // the cosine transform alone gathers a constant row
  auto bind(index_t n) const {
    return pair_of_maps{
        [r = cosine{seed}.bind(n), s = seed](std::span<float> x) { flip(s, x), r.apply(x); },
        [r = cosine{seed}.bind(n), s = seed](std::span<float> x) {
          r.apply_inverse(x), flip(s, x);
        }};
  }
  static void flip(std::uint64_t seed, std::span<float> x) {  // undoes the signs in R
    for (std::size_t j = 0; j < x.size(); ++j) x[j] *= random::sign(seed, j);
  }
};
struct moody : cosine {  // another map at every binding
  auto bind(index_t n) const {
    static std::uint64_t calls = 0;
    return cosine{++calls}.bind(n);
  }
};

TEST_CASE("rotation: every law refuses who breaks it") {
  CHECK(!laws::preserves_products(stretches{}, 64));
  CHECK(!laws::matrix_is_orthogonal(stretches{}, 64));
  CHECK(!laws::inverse_inverts(not_inverted{}, 64));
  CHECK(!laws::seed_matters(ignores_seed{}, 64));
  CHECK(!laws::is_deterministic(moody{}, 64));
  CHECK(laws::matrix_is_orthogonal(without_signs{}, 64));
  CHECK(!laws::spreads_outliers(without_signs{}, 64));
}

}  // namespace
