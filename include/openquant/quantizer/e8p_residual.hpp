// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <openquant/quantizer/e8p_codebook.hpp>

namespace openquant::quantizer {

/// Sums p + r / ratio of a point p of E8P and a point r of a second codebook, and a search among
/// them for the one near u that is not exhaustive but idempotent: what it finds, it finds again.
///
/// Tried are the nearest p, and the p nearest to u moved away from that by the factor `overshoot`,
/// which is the neighbour on whose side u lies; each with the best r. A sum counts only if the same
/// two steps, taken from the sum itself, come back to its p. One sum always does and is the third:
/// the nearest p with the remainder drawn so far in that the sum stays in its Voronoi cell.
///
/// Cost:    4 nearest points of E8P and 2 of the second codebook; 2 and 1 more where in some lane
///          the better of the first two does not count
template <class Second>
struct e8p_residual {
  float ratio, overshoot;

  template <class T>
  struct sum {
    lane_int_t<T> first, second;
  };

  template <class T, class Code>
  OPENQUANT_HD vec<T, 8> point(const Code& first, const Code& second) const {
    return e8p_codebook::point<T>(first) + Second::template point<T>(second) * T(1 / ratio);
  }

  /// The same from a copy of E8P's magnitudes.
  template <class T>
  OPENQUANT_HD vec<T, 8> point(std::int32_t first, std::int32_t second,
                               const std::uint16_t* magnitude) const {
    vec<T, 8> rest;
    if constexpr (std::is_same_v<Second, e8p_codebook>)
      rest = e8p_codebook::point<T>(second, magnitude);
    else
      rest = Second::template point<T>(second);
    return e8p_codebook::point<T>(first, magnitude) + rest * T(1 / ratio);
  }

  template <class T>
  OPENQUANT_HD sum<T> search(const vec<T, 8>& u) const {
    const e8p_choice<T> nearest = e8p_codebook::find(u);
    const attempt<T> near(*this, u, nearest.point());
    const e8p_choice<T> neighbour = e8p_codebook::find(beyond(u, near.p));
    const attempt<T> far(*this, u, neighbour.point());
    const auto farther = far.error < near.error;
    const lane_int_t<T> near_p = nearest.code(), far_p = neighbour.code(),
                        near_r = near.rest.code(), far_r = far.rest.code();
    sum<T> best{select(farther, far_p, near_p), select(farther, far_r, near_r)};
    const auto counts = found_again(select(farther, far.y, near.y), select(farther, far.p, near.p));
    if (all_of(counts)) return best;

    const vec<T, 8> rest = u - near.p;
    const T inside = T(0.70710678f - 1 / ratio), norm = sqrt(squared_norm(rest));
    const T shrink = select(norm > inside, inside / norm, T(1.0f));
    const auto drawn = Second::find(rest * (shrink * T(ratio)));
    const T drawn_error = error(u, near.p + drawn.point() * T(1 / ratio));
    const auto other_counts =
        found_again(select(farther, near.y, far.y), select(farther, near.p, far.p));
    const auto other_pays = other_counts & (select(farther, near.error, far.error) < drawn_error);
    const auto other_p = select(farther, near_p, far_p), other_r = select(farther, near_r, far_r);
    best.first = select(counts, best.first, select(other_pays, other_p, near_p));
    best.second = select(counts, best.second, select(other_pays, other_r, drawn.code()));
    return best;
  }

  /// sum_i h_i (u_i - y_i)^2 for the better y of the sums with the nearest p and with its
  /// runner-up: near that of what the search finds, for a third of its work. The searches know the
  /// distances, so only the better sum is computed.
  /// Cost: a nearest point of E8P, and two of the second codebook
  template <class T>
  OPENQUANT_HD T loss(const vec<T, 8>& u, const vec<T, 8>& h) const {
    const e8p_search<T> first(u);
    const vec<T, 8> near = (u - first.nearest().point()) * T(ratio),
                    far = (u - first.runner_up().point()) * T(ratio);
    const auto of_near = Second::find(near), of_far = Second::find(far);
    const auto farther = of_far.distance + squared_norm(far) * T(0.5f) <
                         of_near.distance + squared_norm(near) * T(0.5f);
    return select(farther, of_far, of_near).loss(h) * T(1 / (ratio * ratio));
  }

  /// The same of the sum with the nearest p alone.
  /// Cost: a nearest point of E8P, and one of the second codebook
  template <class T>
  OPENQUANT_HD T loss_of_nearest(const vec<T, 8>& u, const vec<T, 8>& h) const {
    const vec<T, 8> rest = (u - e8p_codebook::find(u).point()) * T(ratio);
    return Second::find(rest).loss(h) * T(1 / (ratio * ratio));
  }

 private:
  /// A point p of E8P with the r that is best for u.
  template <class T>
  struct attempt {
    vec<T, 8> p;
    decltype(Second::find(vec<T, 8>{})) rest;
    vec<T, 8> y;
    T error;
    OPENQUANT_HD attempt(const e8p_residual& sums, const vec<T, 8>& u, const vec<T, 8>& of_e8p)
        : p(of_e8p),
          rest(Second::find((u - p) * T(sums.ratio))),
          y(p + rest.point() * T(1 / sums.ratio)),
          error(e8p_residual::error(u, y)) {}
  };

  /// |u - y|^2 less |u|^2, which far out would drown the differences.
  template <class T>
  OPENQUANT_HD static T error(const vec<T, 8>& u, const vec<T, 8>& y) {
    T e = T(0.0f);
    OPENQUANT_UNROLL
    for (index_t i = 0; i < 8; ++i) e = e + y[i] * (y[i] - u[i] - u[i]);
    return e;
  }
  template <class T>
  OPENQUANT_HD vec<T, 8> beyond(const vec<T, 8>& u, const vec<T, 8>& p) const {
    return p + (u - p) * T(overshoot);
  }
  template <class T>
  OPENQUANT_HD static auto same(const vec<T, 8>& a, const vec<T, 8>& b) {
    auto all = a[0] == b[0];
    OPENQUANT_UNROLL
    for (index_t i = 1; i < 8; ++i) all = all & (a[i] == b[i]);
    return all;
  }
  /// Whether the two steps from y come to p.
  template <class T>
  OPENQUANT_HD auto found_again(const vec<T, 8>& y, const vec<T, 8>& p) const {
    const vec<T, 8> again = e8p_codebook::find(y).point();
    const auto at_once = same(again, p);
    return at_once | same(e8p_codebook::find(beyond(y, again)).point(), p);
  }
};

}  // namespace openquant::quantizer
