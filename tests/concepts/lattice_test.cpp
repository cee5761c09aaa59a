// SPDX-License-Identifier: Apache-2.0
#include <openquant/concepts/lattice.hpp>
#include <openquant/core/lane.hpp>

#include "laws/lattice_laws.hpp"

// snippet: body_centred
namespace openquant::lattice {

/// The body-centred cubic lattice: Z^3 and the centres of its cubes.
struct body_centred {
  static constexpr index_t dim = 3;
  static constexpr double volume = 0.5;
  static std::string name() { return "body_centred"; }
  static constexpr vec<vec<float, 3>, 3> generator() {
    return {{{{1, 0, 0}}, {{0, 1, 0}}, {{0.5f, 0.5f, 0.5f}}}};
  }
  template <class T>
  OPENQUANT_HD static vec<T, 3> nearest(const vec<T, 3>& x) {
    const T h = T(0.5f);
    const vec<T, 3> corner{round_even(x[0]), round_even(x[1]), round_even(x[2])};
    const vec<T, 3> centre{round_even(x[0] - h) + h, round_even(x[1] - h) + h,
                           round_even(x[2] - h) + h};
    const auto nearer = squared_norm(x - centre) < squared_norm(x - corner);
    return {select(nearer, centre[0], corner[0]), select(nearer, centre[1], corner[1]),
            select(nearer, centre[2], corner[2])};
  }
  template <class T>
  OPENQUANT_HD static vec<T, 3> coordinates(const vec<T, 3>& p) {
    return {p[0] - p[2], p[1] - p[2], p[2] * T(2.0f)};
  }
  template <class T>
  OPENQUANT_HD static vec<T, 3> point(const vec<T, 3>& c) {
    const T z = c[2] * T(0.5f);
    return {c[0] + z, c[1] + z, z};
  }
};
static_assert(Lattice<body_centred>);

}  // namespace openquant::lattice
// snippet end

namespace {

using namespace openquant;

TEST_CASE("lattice: one of your own passes the laws") {
  laws::check_lattice_laws<lattice::body_centred>(.0785433, index_t{1} << 18);
}

/// What the laws must catch.
struct forgets_parity : lattice::body_centred {  // the corners alone: not all nearest points
  static std::string name() { return "forgets_parity"; }
  template <class T>
  static vec<T, 3> nearest(const vec<T, 3>& x) {
    return {round_even(x[0]), round_even(x[1]), round_even(x[2])};
  }
};
struct wrong_volume : lattice::body_centred {
  static constexpr double volume = 1;
};
struct wrong_name : lattice::body_centred {
  template <class T>
  static vec<T, 3> coordinates(const vec<T, 3>& p) {
    return {p[0], p[1], p[2] * T(2.0f)};
  }
};

TEST_CASE("lattice: the laws catch points that are not nearest, wrong cells and wrong names") {
  CHECK_THROWS_AS(laws::no_point_is_nearer<forgets_parity>(), error);
  CHECK_THROWS_AS(laws::coordinates_name_points<forgets_parity>(), error);
  CHECK_THROWS_AS(laws::coordinates_name_points<wrong_volume>(), error);
  CHECK_THROWS_AS(laws::coordinates_name_points<wrong_name>(), error);
}

struct no_generator {
  static constexpr index_t dim = 3;
};
static_assert(!Lattice<no_generator> && !Lattice<int>);

}  // namespace
