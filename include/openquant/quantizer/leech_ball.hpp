// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>
#include <tuple>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/lattice/leech.hpp>
#include <openquant/lattice/leech_class_search.hpp>
#include <openquant/lattice/leech_list.hpp>
#include <openquant/lattice/leech_shells.hpp>
#include <openquant/quantizer/gaussian_scale.hpp>

namespace openquant::quantizer {

/// The points of the Leech lattice in a ball, shells 0 to 13 of lattice/leech_shells.hpp, times
/// `step` and a scale sigma a group: 24 weights become one of 280974212784721 points.
///
/// The nearest point of the ball is found, to the rounding of float. Where the nearest lattice
/// point lies in the ball it is the answer. Elsewhere the point y is shrunk: the lattice point
/// nearest to t y is nearest to y of all that are as short as it, so a few bisections of t find a
/// good point of the ball, which bounds the search for the best. Whatever mu, a point p of the
/// ball, |p|^2 <= 208, at a distance below d has |y - p|^2 + mu (|p|^2 - 208) < d^2; with mu = 1 /
/// t - 1 that is a sphere around t y, and leech_list lists the points in it. Of N(0, sigma^2) no
/// sphere in a million had a radius above sqrt(24); where one has, as for a few outliers among
/// small weights, leech_class_search is asked.
///
/// Error:   0.0773 sigma^2 on N(0, sigma^2)
/// Bits:    2 a weight, 16 a group (none by gaussian_fit::none)
/// Cost:    2.5 us a point of N(0, sigma^2) in 16 lanes, up to 6 ms with outliers; 0.4 us to
/// decode.
///          A CUDA thread runs the same code with 11 KB of stack to encode, 200 bytes to decode
/// Source:  van der Ouderaa et al., "Leech Lattice Vector Quantization", arXiv 2603.11021, Sec. 3,
///          for the codebook; the search is this project's
struct leech_ball {
  static constexpr index_t dim = 24, scale_fields = 1;  // sigma
  static constexpr int code_bits = 48, code_fields = 2;
  static constexpr bool nearest = true;
  static constexpr float step = 0.3475f;
  static constexpr float radius = 16.0f * lattice::leech_shells::last;  // squared, 208

  gaussian_fit fit_by = gaussian_fit::norm;

  static std::string name() { return "leech_ball"; }
  int scale_bits() const { return gaussian_scale_bits(fit_by); }
  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.fit_by);
  }

  /// The number of the point in leech_shells: its low 24 bits, its high 24 bits.
  template <class T>
  OPENQUANT_HD vec<lane_int_t<T>, 2> encode(const vec<T, 24>& x, const vec<T, 1>& s) const {
    const T unit = s[0] * T(step), inverse = select(unit > T(0.0f), T(1.0f) / unit, T(0.0f));
    vec<T, 24> y;
    for (index_t i = 0; i < 24; ++i) y[i] = max(min(x[i] * inverse, T(1e37f)), T(-1e37f));
    const vec<T, 24> p = nearest_point(y);
    vec<float, 24> lane[lane_count<T>];
    split(p, lane);
    float low[lane_count<T>], high[lane_count<T>];
    for (index_t l = 0; l < lane_count<T>; ++l) {
      const std::uint64_t number = lattice::leech_shells::table().rank(lane[l]);
      low[l] = static_cast<float>(number & 0xffffff);
      high[l] = static_cast<float>(number >> 24);
    }
    return {to_int(load<T>(low)), to_int(load<T>(high))};
  }

  template <class T, class Code>
  OPENQUANT_HD vec<T, 24> decode(const Code& c, const vec<T, 1>& s) const {
    std::int32_t low[lane_count<T>], high[lane_count<T>];
    store(c[0], low);
    store(c[1], high);
    vec<float, 24> lane[lane_count<T>];
    for (index_t l = 0; l < lane_count<T>; ++l) {
      lane[l] = lattice::leech_shells::table().point(static_cast<std::uint64_t>(high[l]) << 24 |
                                                     static_cast<std::uint64_t>(low[l]));
    }
    return join<T>(lane) * (s[0] * T(step));
  }

  /// The nearest point of the ball, in the lattice's integer scale.
  template <class T>
  OPENQUANT_HD OPENQUANT_CALLED static vec<T, 24> nearest_point(vec<T, 24> y) {
    // Beyond 2^30 a point's length no longer shows in float: shorter ones do not overflow.
    T largest = T(1.0f);
    for (index_t i = 0; i < 24; ++i) largest = max(largest, abs(y[i]));
    y = y * min(T(1.0f), T(0x1p30f) / largest);
    const T inverse = T(1.0f) / max(sqrt(squared_norm(y)), T(1.0f));

    // The covering radius is 4 and that of the ball 14.42: within 10.4 of the origin the nearest
    // point is in the ball, beyond 18.5 it is not.
    T low = min(T(1.0f), T(10.4f) * inverse), high = min(T(1.0f), T(18.5f) * inverse);
    const vec<T, 24> p = lattice::leech::nearest(y);
    const auto inside = squared_norm(p) <= T(radius);
    vec<T, 24> best = lattice::leech::nearest(y * low);
    for (int i = 0; i < bisections; ++i) {
      const T t = (low + high) * T(0.5f);
      const vec<T, 24> candidate = lattice::leech::nearest(y * t);
      const auto in = squared_norm(candidate) <= T(radius);
      for (index_t k = 0; k < 24; ++k) best[k] = select(in, candidate[k], best[k]);
      low = select(in, t, low);
      high = select(in, high, t);
    }
    for (index_t k = 0; k < 24; ++k) best[k] = select(inside, p[k], best[k]);

    vec<float, 24> of[lane_count<T>], found[lane_count<T>];
    split(y, of);
    split(best, found);
    float t[lane_count<T>], done[lane_count<T>];
    store((low + high) * T(0.5f), t);
    store(select(inside, T(1.0f), T(0.0f)), done);
    for (index_t l = 0; l < lane_count<T>; ++l) {
      if (done[l] == 0) improve(of[l], t[l], found[l]);
    }
    return join<T>(found);
  }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    return fit_gaussian_scale(*this, group, fit_by);
  }
  OPENQUANT_HD std::uint64_t pack(const vec<float, 1>& s) const {
    return pack_gaussian_scale(s, fit_by);
  }
  OPENQUANT_HD vec<float, 1> unpack(std::uint64_t bits) const {
    return unpack_gaussian_scale(bits, fit_by);
  }

 private:
  static constexpr int bisections = 4;

  /// `best`, a point of the ball, becomes the nearest to y that there is.
  OPENQUANT_HD static void improve(const vec<float, 24>& y, float t, vec<float, 24>& best) {
    // |y - p|^2 less |y|^2, which is the same for all: nothing is lost to rounding far outside.
    const auto excess = [&](const vec<float, 24>& p) {
      float sum = 0;
      for (index_t i = 0; i < 24; ++i) sum += p[i] * (p[i] - 2 * y[i]);
      return sum;
    };
    float least = excess(best);
    const vec<float, 24> z = y * t;
    const float fixed = squared_norm(z) + radius * (1 - t);
    const auto bound = [&] { return fixed + t * least; };
    lattice::leech_list around(z);
    for (const float limit : {20.0f, 24.0f}) {
      around.within(min(bound(), limit), [&](const vec<float, 24>& p, float) {
        const float candidate = excess(p);
        if (squared_norm(p) <= radius && candidate < least) {
          least = candidate;
          best = p;
        }
        return min(bound(), limit);
      });
      if (bound() <= limit) return;
    }
    best = lattice::leech_class_search::nearest(y);
  }

  template <class T>
  OPENQUANT_HD static void split(const vec<T, 24>& v, vec<float, 24>* lane) {
    for (index_t k = 0; k < 24; ++k) {
      float values[lane_count<T>];
      store(v[k], values);
      for (index_t l = 0; l < lane_count<T>; ++l) lane[l][k] = values[l];
    }
  }
  template <class T>
  OPENQUANT_HD static vec<T, 24> join(const vec<float, 24>* lane) {
    vec<T, 24> v;
    for (index_t k = 0; k < 24; ++k) {
      float values[lane_count<T>];
      for (index_t l = 0; l < lane_count<T>; ++l) values[l] = lane[l][k];
      v[k] = load<T>(values);
    }
    return v;
  }
};

static_assert(Quantizer<leech_ball>);

}  // namespace openquant::quantizer
