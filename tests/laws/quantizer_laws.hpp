// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/simd.hpp>
#include <openquant/quantizer/scale_search.hpp>

#include "laws/quantizer_panel.hpp"
#include "layer/lane_types.hpp"

/// What every quantizer must do. A law is a function that throws openquant::error with the first
/// counterexample; `check_quantizer_laws`, at the end, runs all of them under doctest.
namespace openquant::laws {

/// What a quantizer says of itself. It may also say `static constexpr bool nearest = true`.
struct quantizer_claims {
  bool nearest = false;  // encode finds the code whose point is nearest
};

/// A code is in [0, 2^code_bits), what it decodes to is finite and is coded as itself, and a copy
/// of the quantizer says the same.
template <Quantizer Q>
void decoded_points_are_fixed(const Q& q) {
  const Q copy = q;
  for_each_row(q, [&](const auto& panel, index_t row, const scale_t<Q>& s) {
    if (!same(stored_scale(copy, panel.group(row)), s)) {
      fail(Q::name(), ": not deterministic, row ", row, " has the scales ", text(s), " and ",
           text(stored_scale(copy, panel.group(row))));
    }
    for (index_t p = 0; p < panel.points; ++p) {
      const point_t<Q> x = panel.point(row, p);
      const auto code = integers<Q>(q.encode(x, s));
      check_range<Q>(code, text(x));
      if (integers<Q>(copy.encode(x, s)) != code) {
        fail(Q::name(), ": not deterministic at ", text(x));
      }
      const point_t<Q> y = q.decode(code_of<Q>(code), s), again = q.decode(q.encode(y, s), s);
      for (index_t k = 0; k < Q::dim; ++k) {
        if (!std::isfinite(y[k])) fail(Q::name(), ": ", text(x), " decodes to ", text(y));
      }
      if (!same(y, again)) {
        fail(Q::name(), ": ", text(x), " decodes to ", text(y), " and that to ", text(again));
      }
    }
  });
}

/// 2^k x has the codes of x and decodes to 2^k times the same, exactly, under the fitted scales.
template <Quantizer Q>
void powers_of_two_pass_through(const Q& q) {
  for (const auto kind : {importance::absent, importance::random}) {
    for (const float factor : {0.125f, 32.0f}) {
      const test_panel<Q> panel(kind), scaled(kind, factor);
      for (index_t row = 0; row < panel_rows; ++row) {
        const scale_t<Q> s = q.fit(panel.group(row)), t = q.fit(scaled.group(row));
        for (index_t p = 0; p < panel.points; ++p) {
          const code_t<Q> code = q.encode(panel.point(row, p), s);
          const auto scaled_code = integers<Q>(q.encode(scaled.point(row, p), t));
          if (integers<Q>(code) != scaled_code) {
            fail(Q::name(), ": ", text(panel.point(row, p)), " has code ", text(integers<Q>(code)),
                 ", times ", factor, " it has ", text(scaled_code));
          }
          if (!same(q.decode(code, s) * factor, q.decode(code, t))) {
            fail(Q::name(), ": code ", text(integers<Q>(code)), " decodes to ",
                 text(q.decode(code, s)), ", times ", factor, " to ", text(q.decode(code, t)));
          }
        }
      }
    }
  }
}

/// A group of zeros decodes to zeros.
template <Quantizer Q>
void zeros_stay_zeros(const Q& q) {
  const std::vector<float> zeros(static_cast<std::size_t>(test_panel<Q>::size));
  const scale_t<Q> s = stored_scale(q, group_view<float>(zeros.data(), 1, test_panel<Q>::size));
  const point_t<Q> zero{};
  const point_t<Q> y = q.decode(q.encode(zero, s), s);
  if (!same(y, zero)) fail(Q::name(), ": a group of zeros decodes to ", text(y));
}

/// A stored scale has scale_bits() bits and is packed to them again.
template <Quantizer Q>
void scales_fit_their_bits(const Q& q) {
  for_each_row(q, [&](const auto& panel, index_t row, const scale_t<Q>& s) {
    const std::uint64_t bits = q.pack(q.fit(panel.group(row)));
    if (q.scale_bits() < 64 && bits >> q.scale_bits() != 0) {
      fail(Q::name(), ": row ", row, " packs to ", bits, ", beyond ", q.scale_bits(), " bits");
    }
    if (q.pack(s) != bits || !same(q.unpack(q.pack(s)), s)) {
      fail(Q::name(), ": the stored scale ", text(s), " packs to ", q.pack(s), ", not ", bits);
    }
  });
}

/// A group too loud, or too quiet, for the stored scale decodes to finite numbers all the same.
template <Quantizer Q>
void extreme_groups_stay_finite(const Q& q) {
  for (const float factor : {1e-36f, 1e-9f, 1e12f}) {
    const test_panel<Q> panel(importance::random, factor);
    for (index_t row = 0; row < panel_rows; ++row) {
      const scale_t<Q> s = stored_scale(q, panel.group(row));
      for (index_t p = 0; p < panel.points; ++p) {
        const point_t<Q> x = panel.point(row, p), y = q.decode(q.encode(x, s), s);
        for (index_t k = 0; k < Q::dim; ++k) {
          if (!std::isfinite(y[k])) fail(Q::name(), ": ", text(x), " decodes to ", text(y));
        }
      }
    }
  }
}

/// Up to 4096 codes: all of them where there are no more, otherwise random ones.
template <Quantizer Q>
std::vector<code_t<Q>> some_codes() {
  constexpr auto count = std::uint32_t{1} << std::min(Q::code_bits, 12);
  constexpr auto values = std::uint32_t{1} << field_bits<Q>;
  std::vector<code_t<Q>> codes(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (index_t f = 0; f < code_fields<Q>; ++f) {
      const auto draw = static_cast<std::uint64_t>(i * code_fields<Q> + f);
      code_field(codes[i], f) =
          static_cast<std::int32_t>(Q::code_bits <= 12 ? i >> (f * field_bits<Q>)&(values - 1)
                                                       : random::index(78, draw, values));
    }
  }
  return codes;
}

template <index_t d>
double distance(const vec<float, d>& a, const vec<float, d>& b) {
  double sum = 0;
  for (index_t k = 0; k < d; ++k) {
    const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += difference * difference;
  }
  return std::sqrt(sum);
}

/// None of `some_codes` has a nearer point. Allowed is what 8 rounding errors, each of the largest
/// number in play, can hide.
template <Quantizer Q>
void no_code_is_nearer(const Q& q) {
  const std::vector<code_t<Q>> codes = some_codes<Q>();
  std::vector<point_t<Q>> points(codes.size());
  for_each_row(q, [&](const auto& panel, index_t row, const scale_t<Q>& s) {
    double largest = 0;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      points[i] = q.decode(codes[i], s);
      largest = std::max(largest, distance(points[i], point_t<Q>{}));
    }
    for (index_t p = 0; p < panel.points; ++p) {
      const point_t<Q> x = panel.point(row, p);
      const code_t<Q> code = q.encode(x, s);
      const double slack = 8 * 0x1p-24 * std::max(largest, distance(x, point_t<Q>{}));
      const double chosen = distance(q.decode(code, s), x);
      for (std::size_t i = 0; i < codes.size(); ++i) {
        if (!(chosen <= distance(points[i], x) + slack)) {
          fail(Q::name(), ": ", text(x), " has code ", text(integers<Q>(code)), " at the distance ",
               chosen, ", code ", text(integers<Q>(codes[i])), " is at ", distance(points[i], x));
        }
      }
    }
  });
}

/// Far outside, codes stay in range and decode to finite points; where the codes can be listed and
/// dim is 1, or the quantizer claims `nearest`, to a point than which none lies further out.
template <Quantizer Q>
void far_points_saturate(const Q& q, bool nearest) {
  const std::vector<code_t<Q>> codes = some_codes<Q>();
  const bool extreme = Q::code_bits <= 12 && (nearest || Q::dim == 1);
  for_each_row(q, [&](const auto&, index_t row, const scale_t<Q>& s) {
    for (const float magnitude : {1e6f, -1e6f, 1e30f, -1e30f}) {
      point_t<Q> x{magnitude};
      for (index_t k = 1; k < Q::dim; ++k) {
        x[k] = magnitude * random::normal(79, static_cast<std::uint64_t>(row * Q::dim + k));
      }
      const auto outwards = [&](const point_t<Q>& y) {
        double sum = 0;
        for (index_t k = 0; k < Q::dim; ++k) {
          sum += static_cast<double>(y[k]) * static_cast<double>(x[k] / magnitude);
        }
        return magnitude > 0 ? sum : -sum;
      };
      const code_t<Q> code = q.encode(x, s);
      check_range<Q>(integers<Q>(code), text(x));
      const double reached = outwards(q.decode(code, s));
      if (!std::isfinite(reached)) fail(Q::name(), ": ", text(x), " does not decode to numbers");
      if (!extreme) continue;
      for (const code_t<Q>& other : codes) {
        const double reachable = outwards(q.decode(other, s));
        if (reachable - reached > 0x1p-10 * std::fabs(reachable)) {
          fail(Q::name(), ": ", text(x), " decodes to ", text(q.decode(code, s)), ", code ",
               text(integers<Q>(other)), " lies further out: ", text(q.decode(other, s)));
        }
      }
    }
  });
}

/// In lane type T every row has the stored scale, the codes and the decoded points it has alone.
template <class T, Quantizer Q>
void lanes_agree_with_scalars(const Q& q) {
  constexpr auto lanes = static_cast<std::size_t>(lane_count<T>);
  static_assert(panel_rows % lane_count<T> == 0);
  for (const auto kind : {importance::absent, importance::random, importance::zero}) {
    const test_panel<Q> panel(kind);
    for (index_t first = 0; first < panel_rows; first += lane_count<T>) {
      const auto row = [&](std::size_t lane) { return first + static_cast<index_t>(lane); };
      const auto fitted = split(q.fit(panel.template group<T>(first)));
      std::vector<scale_t<Q>> alone(lanes);
      for (std::size_t r = 0; r < lanes; ++r) {
        const std::uint64_t bits = q.pack(q.fit(panel.group(row(r))));
        if (q.pack(fitted[r]) != bits) {
          fail(Q::name(), ": row ", row(r), " has the scale ", bits, ", among ", lanes, " lanes ",
               q.pack(fitted[r]));
        }
        alone[r] = q.unpack(bits);
      }
      const scale_t<Q, T> s = join<T>(alone);
      for (index_t p = 0; p < panel.points; ++p) {
        const code_t<Q, T> code = q.encode(panel.template point<T>(first, p), s);
        const auto decoded = split(q.decode(code, s));
        std::vector<std::vector<std::int32_t>> codes(lanes);
        for (index_t f = 0; f < code_fields<Q>; ++f) {
          std::int32_t integer[lanes];
          store(code_field(code, f), integer);
          for (std::size_t r = 0; r < lanes; ++r) codes[r].push_back(integer[r]);
        }
        for (std::size_t r = 0; r < lanes; ++r) {
          const code_t<Q> c = q.encode(panel.point(row(r), p), alone[r]);
          const point_t<Q> y = q.decode(c, alone[r]);
          if (codes[r] != integers<Q>(c) || !same(decoded[r], y)) {
            fail(Q::name(), ": row ", row(r), " has code ", text(integers<Q>(c)), " of ", text(y),
                 ", among ", lanes, " lanes ", text(codes[r]), " of ", text(decoded[r]));
          }
        }
      }
    }
  }
}

/// A loss that is told is that of the point as coded, to 2^-16 of the point's own, and every lane
/// has the one it has alone.
template <class T, PointQuantizer Q>
void loss_is_that_of_the_code(const Q& q) {
  constexpr index_t lanes = lane_count<T>;
  const test_panel<Q> panel(importance::random);
  for (index_t first = 0; first < panel_rows; first += lanes) {
    std::vector<scale_t<Q>> scales;
    for (index_t r = 0; r < lanes; ++r) scales.push_back(stored_scale(q, panel.group(first + r)));
    const T unit = join<T>(scales)[0] * T(Q::loss_unit);
    const T inverse = select(unit > T(0.0f), T(1.0f) / unit, T(0.0f));
    for (index_t p = 0; p < panel.points; ++p) {
      point_t<Q, T> h;
      for (index_t k = 0; k < Q::dim; ++k) h[k] = T(panel.group(0).weight(p * Q::dim + k));
      float in_lanes[lanes];
      store(q.loss(panel.template point<T>(first, p) * inverse, h), in_lanes);
      for (index_t r = 0; r < lanes; ++r) {
        const scale_t<Q> s = scales[static_cast<std::size_t>(r)];
        const point_t<Q> x = panel.point(first + r, p), y = q.decode(q.encode(x, s), s);
        const float of_scale = s[0] * Q::loss_unit, one_over = of_scale > 0 ? 1 / of_scale : 0;
        point_t<Q> own;
        double loss = 0, size = 0;
        for (index_t k = 0; k < Q::dim; ++k) {
          own[k] = panel.group(0).weight(p * Q::dim + k);
          const double e = static_cast<double>(x[k]) - static_cast<double>(y[k]);
          loss += static_cast<double>(own[k]) * e * e;
          size +=
              static_cast<double>(own[k]) * static_cast<double>(x[k]) * static_cast<double>(x[k]);
        }
        const float told = q.loss(x * one_over, own);
        if (told != in_lanes[r]) {
          fail(Q::name(), ": at ", text(x), " the loss is ", told, ", among ", lanes, " lanes ",
               in_lanes[r]);
        }
        const auto square = static_cast<double>(of_scale) * static_cast<double>(of_scale);
        if (!(std::fabs(static_cast<double>(told) * square - loss) <= 0x1p-16 * (loss + size))) {
          fail(Q::name(), ": at ", text(x), " the loss is told as ",
               static_cast<double>(told) * square, ", that of the code is ", loss);
        }
      }
    }
  }
}

template <Quantizer Q>
consteval bool claims_nearest() {
  if constexpr (requires { requires std::same_as<decltype(Q::nearest), const bool>; }) {
    return Q::nearest;
  } else {
    return false;
  }
}

/// `linear`: decode(c, s) is s_0 (decode(c, (u, 0)) / u - s_1), s_1 = 0 where there is one field,
/// to 2^-20 of its terms. `ignores_high_bits`: other bits above those of an integer change nothing.
/// From a copy of the table, where there is one, the same comes out.
template <PointQuantizer Q>
void decode_is_as_claimed(const Q& q) {
  constexpr bool linear = requires { requires Q::linear; };
  constexpr bool ignores_high_bits = requires { requires Q::ignores_high_bits; };
  float u = 1;
  if constexpr (requires { Q::linear_unit; }) u = Q::linear_unit;
  const auto table = [] {
    if constexpr (table_size<Q> != 0)
      return std::vector(Q::table().begin(), Q::table().end());
    else
      return nullptr;
  }();
  for_each_row(q, [&](const test_panel<Q>& panel, index_t row, const scale_t<Q>& s) {
    for (index_t p = 0; p < panel.points; ++p) {
      const auto c = integers<Q>(q.encode(panel.point(row, p), s));
      const point_t<Q> y = q.decode(code_of<Q>(c), s);
      if constexpr (linear) {
        scale_t<Q> unit{};
        unit[0] = u;
        const point_t<Q> level = q.decode(code_of<Q>(c), unit);
        const float zero = Q::scale_fields == 2 ? s[Q::scale_fields - 1] : 0.0f;
        for (index_t k = 0; k < Q::dim; ++k) {
          const float terms = s[0] * (std::fabs(level[k]) / u + zero);
          if (!(std::fabs(y[k] - s[0] * (level[k] / u - zero)) <= 0x1p-20f * terms)) {
            fail(Q::name(), " is not linear: code ", text(c), " is ", text(y), " under ", text(s),
                 ", ", text(level), " under ", text(unit));
          }
        }
      }
      if constexpr (table_size<Q> != 0) {
        if (!same(q.template decode<float>(code_of<Q>(c), s, table.data()), y)) {
          fail(Q::name(), ": code ", text(c), " decodes otherwise from a copy of the table");
        }
      }
      if constexpr (ignores_high_bits) {
        auto high = c;
        for (std::int32_t& i : high) {
          const auto word =
              static_cast<std::uint32_t>(random::bits(3, static_cast<std::uint64_t>(i)));
          i = static_cast<std::int32_t>(static_cast<std::uint32_t>(i) | word << field_bits<Q>);
        }
        if (!same(q.decode(code_of<Q>(high), s), y)) {
          fail(Q::name(), ": code ", text(c), " decodes otherwise with bits above it");
        }
      }
    }
  });
}

/// The laws of one lane, which hold wherever that one computes.
template <PointQuantizer Q>
void check_scalar_laws(const Q& q, quantizer_claims claims = {}) {
  const bool nearest = claims.nearest || claims_nearest<Q>();
  CHECK_NOTHROW(decoded_points_are_fixed(q));
  if (q.scale_bits() > 0) {  // without scales the solver's unit does this
    CHECK_NOTHROW(powers_of_two_pass_through(q));
    CHECK_NOTHROW(zeros_stay_zeros(q));
  }
  CHECK_NOTHROW(scales_fit_their_bits(q));
  CHECK_NOTHROW(extreme_groups_stay_finite(q));
  CHECK_NOTHROW(far_points_saturate(q, nearest));
  CHECK_NOTHROW(decode_is_as_claimed(q));
  if (nearest) CHECK_NOTHROW(no_code_is_nearer(q));
  if constexpr (quantizer::tells_loss<Q, float>) CHECK_NOTHROW(loss_is_that_of_the_code<float>(q));
}

/// All laws of docs/concepts/quantizer.md.
///
///   TEST_CASE("mine: laws") { laws::check_quantizer_laws(mine<4>{}, {.nearest = true}); }
template <PointQuantizer Q>
void check_quantizer_laws(const Q& q, quantizer_claims claims = {}) {
  check_scalar_laws(q, claims);
  CHECK_NOTHROW(lanes_agree_with_scalars<batch<baseline_arch>>(q));
  CHECK_NOTHROW(lanes_agree_with_scalars<test::lane_middle>(q));
  CHECK_NOTHROW(lanes_agree_with_scalars<batch<default_arch>>(q));
  if constexpr (quantizer::tells_loss<Q, float>) {
    CHECK_NOTHROW(loss_is_that_of_the_code<batch<baseline_arch>>(q));
    CHECK_NOTHROW(loss_is_that_of_the_code<test::lane_middle>(q));
    CHECK_NOTHROW(loss_is_that_of_the_code<batch<default_arch>>(q));
  }
}

}  // namespace openquant::laws
