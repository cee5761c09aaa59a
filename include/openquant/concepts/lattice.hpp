// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <string>

#include <openquant/core/vec.hpp>

namespace openquant {

/// A lattice of R^n with an exact nearest-point rule: pure mathematics, no bits, no state.
/// `nearest`, `coordinates` and `point` are templates on the lane type, without branches on data.
///
///   L::dim             n
///   L::name()          "d<4>"
///   L::volume          of the fundamental cell: |det generator|
///   L::generator()     rows are basis vectors, a constant expression
///   L::nearest(x)      the lattice point nearest to x
///   L::coordinates(p)  the integers c of the lattice point p = sum_i c_i generator()[i]
///   L::point(c)        the inverse
///
/// Laws: docs/concepts/lattice.md, asserted by tests/laws/lattice_laws.hpp.
template <class L>
concept Lattice = requires(const vec<float, L::dim> x) {
  requires L::dim >= 1;
  requires L::volume >
  0.0;
  { L::name() } -> std::convertible_to<std::string>;
  { L::generator() } -> std::same_as<vec<vec<float, L::dim>, L::dim>>;
  { L::nearest(x) } -> std::same_as<vec<float, L::dim>>;
  { L::coordinates(x) } -> std::same_as<vec<float, L::dim>>;
  { L::point(x) } -> std::same_as<vec<float, L::dim>>;
};

}  // namespace openquant
