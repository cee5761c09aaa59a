// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/error.hpp>
#include <openquant/core/random.hpp>

/// The weights on which quantizers are put before their laws.
namespace openquant::laws {

/// Rows of the test panel: a multiple of every lane width.
inline constexpr index_t panel_rows = 16;

/// Weight j of a row. The rows differ in kind, so that the lanes of one register do too.
inline float panel_weight(index_t row, index_t j) {
  const auto seed = static_cast<std::uint64_t>(row), i = static_cast<std::uint64_t>(j);
  const float normal = random::normal(seed, i);
  switch (row % 9) {
    case 0:
      return normal;
    case 1:
      return static_cast<float>(2 * random::uniform(seed, i) - 1);
    case 2:
      return normal * normal * normal;  // heavy tails
    case 3:
      return j == 5 ? 40.0f : normal;  // one outlier
    case 4:
      return row < 9 ? 0.7f : -0.3f;  // all equal
    case 5:
      return -std::fabs(normal);  // all negative
    case 6:
      return 1e-3f * normal;  // tiny
    case 7:
      return 2e2f * normal;  // large
    default:
      return 0;
  }
}

/// Whether a group comes with importances.
enum class importance { absent, random, zero };

/// Groups of about 16 weights, one a row, as the solver holds them: weight j of row r at
/// j * panel_rows + r; without importances, with random ones, and with none that counts.
template <Quantizer Q>
class test_panel {
 public:
  static constexpr index_t points = (16 + Q::dim - 1) / Q::dim, size = points * Q::dim;

  explicit test_panel(importance kind, float factor = 1)
      : weights_(static_cast<std::size_t>(size * panel_rows)) {
    for (index_t j = 0; j < size; ++j) {
      for (index_t row = 0; row < panel_rows; ++row) {
        weights_[static_cast<std::size_t>(j * panel_rows + row)] = factor * panel_weight(row, j);
      }
    }
    if (kind == importance::absent) return;
    h_.resize(static_cast<std::size_t>(size));
    if (kind == importance::zero) return;
    for (std::size_t j = 1; j < h_.size(); ++j) h_[j] = static_cast<float>(random::uniform(77, j));
  }

  /// The groups of rows row, ..., row + lane_count<T> - 1.
  template <class T = float>
  group_view<T> group(index_t row) const {
    return {weights_.data() + row, panel_rows, size, h_.empty() ? nullptr : h_.data()};
  }
  template <class T = float>
  point_t<Q, T> point(index_t row, index_t p) const {
    point_t<Q, T> x;
    for (index_t k = 0; k < Q::dim; ++k) x[k] = group<T>(row)[p * Q::dim + k];
    return x;
  }

 private:
  std::vector<float> weights_, h_;
};

template <index_t d>
bool same(const vec<float, d>& a, const vec<float, d>& b) {
  return std::equal(a.x, a.x + d, b.x);
}
template <index_t d>
std::string text(const vec<float, d>& a) {
  std::string s = "(";
  for (index_t k = 0; k < d; ++k) s += (k > 0 ? ", " : "") + to_text(a[k]);
  return s + ")";
}

/// The integers of a code, whether it is one or a vec of them.
template <Quantizer Q>
std::vector<std::int32_t> integers(const code_t<Q>& c) {
  std::vector<std::int32_t> all;
  for (index_t f = 0; f < code_fields<Q>; ++f) all.push_back(code_field(c, f));
  return all;
}
template <Quantizer Q>
code_t<Q> code_of(const std::vector<std::int32_t>& integers) {
  code_t<Q> c;
  for (index_t f = 0; f < code_fields<Q>; ++f) {
    code_field(c, f) = integers[static_cast<std::size_t>(f)];
  }
  return c;
}
inline std::string text(const std::vector<std::int32_t>& integers) {
  std::string s;
  for (const std::int32_t i : integers) s += (s.empty() ? "" : ":") + std::to_string(i);
  return s;
}
/// Throws where an integer of a code needs more bits than it has.
template <Quantizer Q>
void check_range(const std::vector<std::int32_t>& code, const std::string& of) {
  for (const std::int32_t i : code) {
    if (i < 0 || i >> field_bits<Q> != 0) fail(Q::name(), ": ", of, " has code ", text(code));
  }
}

/// The scale of a row as it is stored.
template <Quantizer Q>
scale_t<Q> stored_scale(const Q& q, const group_view<float>& group) {
  return q.unpack(q.pack(q.fit(group)));
}

/// f(panel, row, its stored scale) for every row of every panel.
template <Quantizer Q, class F>
void for_each_row(const Q& q, const F& f) {
  for (const auto kind : {importance::absent, importance::random, importance::zero}) {
    const test_panel<Q> panel(kind);
    for (index_t row = 0; row < panel_rows; ++row) f(panel, row, stored_scale(q, panel.group(row)));
  }
}

/// The lanes of a vector, one vector of floats each.
template <class T, index_t d>
std::vector<vec<float, d>> split(const vec<T, d>& v) {
  std::vector<vec<float, d>> rows(static_cast<std::size_t>(lane_count<T>));
  for (index_t k = 0; k < d; ++k) {
    float lane[lane_count<T>];
    store(v[k], lane);
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r][k] = lane[r];
  }
  return rows;
}
template <class T, index_t d>
vec<T, d> join(const std::vector<vec<float, d>>& rows) {
  vec<T, d> v;
  for (index_t k = 0; k < d; ++k) {
    float lane[lane_count<T>];
    for (std::size_t r = 0; r < rows.size(); ++r) lane[r] = rows[r][k];
    v[k] = load<T>(lane);
  }
  return v;
}

}  // namespace openquant::laws
