// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cstdint>

#include <openquant/core/vec.hpp>
#include <openquant/lattice/leech_column.hpp>

namespace openquant::lattice {

/// Lists the points of the Leech lattice around z: a tree search through parity of the columns and
/// word of the hexacode, classes of the columns, and coordinates, which enters no branch without a
/// point within the bound, since what is left at least to be added is known. Scalar code with
/// branches, in the coordinates of lattice/leech.hpp.
///
/// Cost:    some 3000 operations, 1000 more for every word of the hexacode within the bound, and
///          some 50 for every point
/// Source:  lattice/leech.hpp's costs, searched depth first
class leech_list {
 public:
  OPENQUANT_HD explicit leech_list(const vec<float, 24>& z)
      : cost_{{remainder(z), 0}, {remainder(z), 1}} {
    for (index_t i = 0; i < 24; ++i) {
      for (int a = 0; a < 4; ++a) {
        const float u = (z[i] - static_cast<float>(a)) * 0.25f, k = round_even(u);
        coordinate_[i][a] = {static_cast<float>(a) + 4 * k, 4 * abs(u - k), u < k ? -4.0f : 4.0f,
                             is_odd(k)};
      }
    }
    for (int o = 0; o < 2; ++o) {
      for (int p = 0; p < 2; ++p) add_words(o, p);
    }
  }

  /// visit(y, squared distance) for every lattice point y nearer than sqrt(bound), in an order that
  /// is not promised; it returns the bound from then on.
  template <class Visit>
  OPENQUANT_HD void within(float bound, const Visit& visit) {
    // Words of least cost first: they are likely to lower the bound for the others.
    const auto later = [](const word& a, const word& b) { return b < a; };
    word* end =
        std::partition(words_, words_ + 256, [&](const word& w) { return w.least < bound; });
    std::make_heap(words_, end, later);
    search<Visit> s{*this, visit, bound, 0, 0, {}, {}, {}};
    while (end != words_ && words_->least < s.bound) {
      const int number = words_->number;
      std::pop_heap(words_, end--, later);
      s.run(number);
    }
  }

 private:
  /// The points of 4 Z + a nearest to z_i: `value` at `distance`, then in turns on either side,
  /// first `step` further; whether the value's k is odd.
  struct residue {
    float value, distance, step;
    int odd;
  };
  struct word {
    float least;
    std::int16_t number;
    OPENQUANT_HD friend bool operator<(const word& a, const word& b) {
      return a.least < b.least || (a.least == b.least && a.number < b.number);
    }
  };

  /// The depth of the search is known to the compiler: a CUDA thread calls nothing recursively.
  template <class Visit>
  struct search {
    const leech_list& list;
    const Visit& visit;
    float bound;
    int o, p;
    int digit[6];
    class_costs<float> tail[6];  // of the columns l, ..., 5 together
    vec<float, 24> y;

    OPENQUANT_HD void run(int number) {
      o = number >> 7, p = number >> 6 & 1;
      const std::uint32_t digits = hexacode_word(number & 63);
      for (int l = 0; l < 6; ++l) digit[l] = static_cast<int>(digits >> (2 * l) & 3);
      tail[5] = column(5);
      for (int l = 4; l >= 0; --l) tail[l] = convolve(column(l), tail[l + 1]);
      if (tail[0][2 * p + o] < bound) columns<0>(2 * p + o, 0);
    }

    OPENQUANT_HD const class_costs<float>& column(int l) const {
      return list.cost_[o].of[p][l][digit[l]];
    }

    /// Columns 0, ..., l - 1 cost `sum`; the others have to add up to class `state`.
    template <int l>
    OPENQUANT_HD void columns(int state, float sum) {
      if constexpr (l == 6) {
        bound = visit(y, sum);
      } else {
        for (int s = 0; s < 4; ++s) {
          if (l == 5 && s != state) continue;
          const float rest = l < 5 ? tail[l + 1][state ^ s] : 0.0f;
          if (!(sum + column(l)[s] + rest < bound)) continue;
          const std::uint32_t bits = golay::column(p, digit[l], s >> 1);
          branch b{state ^ s, {}, {}, rest};
          for (int i = 3; i >= 0; --i) {
            const residue& r = b.at[i] = list.coordinate_[4 * l + i][o + 2 * (bits >> i & 1)];
            const float other = 4 - r.distance;
            const vec<float, 2> here = r.odd
                                           ? vec<float, 2>{other * other, r.distance * r.distance}
                                           : vec<float, 2>{r.distance * r.distance, other * other};
            b.tail[i] = i == 3 ? here : convolve(here, b.tail[i + 1]);
          }
          coordinates<l, 0>(b, s & 1, sum);
        }
      }
    }

    /// A column whose class is fixed: its residues, the least that coordinates i, ..., 3 cost to
    /// even and odd k, and what the columns after it cost at least.
    struct branch {
      int state;
      residue at[4];
      vec<float, 2> tail[4];
      float rest;
    };

    /// Coordinates before i of column l cost, with all before, `sum`; the other k add up to `odd`.
    template <int l, int i>
    OPENQUANT_HD void coordinates(const branch& b, int odd, float sum) {
      if constexpr (i == 4) {
        columns<l + 1>(b.state, sum);
      } else {
        const residue& r = b.at[i];
        // The j-th nearest: by turns towards z and beyond it.
        for (int j = 0;; ++j) {
          const int places = (j + 1) / 2;
          const auto steps = static_cast<float>(places);
          const float distance = (j & 1) ? 4 * steps - r.distance : 4 * steps + r.distance;
          const float here = sum + distance * distance;
          if (!(here + b.rest < bound)) return;
          const int left = odd ^ r.odd ^ (places & 1);
          if (i == 3 ? left != 0 : !(here + b.tail[i + 1][left] + b.rest < bound)) continue;
          y[4 * l + i] = r.value + ((j & 1) ? r.step : -r.step) * steps;
          coordinates<l, i + 1>(b, left, here);
        }
      }
    }
  };

  OPENQUANT_HD void add_words(int o, int p) {
    float least[6][4];
    for (int l = 0; l < 6; ++l) {
      for (int c = 0; c < 4; ++c) {
        const class_costs<float>& cost = cost_[o].of[p][l][c];
        least[l][c] = min(min(cost[0], cost[1]), min(cost[2], cost[3]));
      }
    }
    for (int n = 0; n < 64; ++n) {
      const std::uint32_t digits = hexacode_word(n);
      float sum = 0;
      for (int l = 0; l < 6; ++l) sum += least[l][digits >> (2 * l) & 3];
      const int number = 128 * o + 64 * p + n;
      words_[number] = {sum, static_cast<std::int16_t>(number)};
    }
  }

  OPENQUANT_HD static leech_remainder<float> remainder(const vec<float, 24>& z) {
    leech_remainder<float> w;
    for (index_t i = 0; i < 24; ++i) w[i] = leech_reduce(z[i]);
    return w;
  }
  OPENQUANT_HD static int is_odd(float k) { return k - 2 * round_even(k * 0.5f) != 0 ? 1 : 0; }

  leech_column_costs<float> cost_[2];
  residue coordinate_[24][4];
  word words_[256];
};

}  // namespace openquant::lattice
