// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cmath>
#include <cstdint>

#include <openquant/core/lane.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/lattice/leech_shells.hpp>

namespace openquant::lattice {

/// The point of leech_shells nearest to y: for every word of the Golay code and every class the
/// best arrangement, which pairs sorted magnitudes with sorted coordinates. Always right, to the
/// rounding of double, and slow.
///
/// Cost:    about 4 ms
/// Source:  Adoul & Barth, IEEE Trans. Inf. Theory 34(5), 1988
class leech_class_search {
 public:
  OPENQUANT_HD static vec<float, 24> nearest(const vec<float, 24>& y) {
    std::uint8_t order[24];
    for (int i = 0; i < 24; ++i) {  // equals in their order
      int at = i;
      for (; at > 0 && abs(y[order[at - 1]]) < abs(y[i]); --at) order[at] = order[at - 1];
      order[at] = static_cast<std::uint8_t>(i);
    }
    const rules& all = table();
    double least = 0;  // |p|^2 - 2 <y, p>; the origin's
    vec<float, 24> best{};
    for (int index = 0; index < golay::words; ++index) {
      const leech_class_search word(y, order, golay::word(index));
      const rule* found = nullptr;
      for (const int kind : {rules::odd, word.on_.size}) {
        for (int k = all.from[kind]; k < all.from[kind + 1]; ++k) {
          const rule& r = all.of[k];
          const double excess = r.norm - 2 * word.product(r);
          if (excess < least) {
            least = excess;
            found = &r;
          }
        }
      }
      if (found != nullptr) best = word.point(*found);
    }
    return best;
  }

 private:
  /// Coordinates in descending order of `key`: at[i] is the i-th, and sum[i] the i first keys'.
  struct sorted {
    int size = 0;
    std::uint8_t at[24];
    double key[24], sum[25] = {0};

    OPENQUANT_HD void add(std::uint8_t i, double value) {
      at[size] = i;
      key[size] = value;
      sum[size + 1] = sum[size] + value;
      ++size;
    }
  };

  /// `order`: the coordinates of y in descending order of their magnitude.
  OPENQUANT_HD leech_class_search(const vec<float, 24>& y, const std::uint8_t* order,
                                  std::uint32_t word)
      : y_(y), word_(word) {
    std::uint8_t below[24];  // of them those that are negative with the word's signs
    int negatives = 0;
    for (int k = 0; k < 24; ++k) {
      const std::uint8_t i = order[k];
      const auto value = static_cast<double>(y[i]);
      const bool bit = word >> i & 1;
      (bit ? on_ : off_).add(i, fabs(value));
      odd_ = odd_ != (bit && value < 0);
      if ((value < 0) != bit) {
        below[negatives++] = i;
      } else {
        all_.add(i, fabs(value));
      }
    }
    while (negatives > 0) {
      const std::uint8_t i = below[--negatives];
      all_.add(i, -fabs(static_cast<double>(y[i])));
    }
  }

  /// A class as the search wants it: how many of the sorted coordinates have one of the first k + 1
  /// values of a row of four apart, which is 12, 8, 4, 0 off the word, 10, 6, 2 on it, and for odd
  /// points 13, 9, 5, 1, -3, -7, -11 on zeros of the word, the negatives on its ones.
  struct rule {
    double norm = 0;
    bool odd = false;
    std::array<std::uint8_t, 7> up_to{};  // even points: three of 12, 8, 4, then three of 10, 6, 2
    int smallest = 0;                     // on the word
    bool four = false;  // magnitudes add up to 4 modulo 8, not to 0: each sign on the word adds 4

    constexpr rule() = default;
    constexpr explicit rule(const leech_class& c) : norm(16.0 * c.shell), odd(c.o == 1) {
      const auto& n = c.multiplicity;
      int sum = 0;
      for (int j = 0; j < 8; ++j) sum += 2 * j * n[static_cast<std::size_t>(j)];
      four = (sum & 7) == 4;
      smallest = n[1] > 0 ? 2 : n[3] > 0 ? 6 : 10;
      constexpr std::size_t odd_order[7] = {6, 4, 2, 0, 1, 3, 5},
                            even_order[6] = {6, 4, 2, 5, 3, 1};
      for (std::size_t k = 0; k < (odd ? 7u : 6u); ++k) {
        const std::uint8_t before = k == 0 || (!odd && k == 3) ? std::uint8_t{0} : up_to[k - 1];
        up_to[k] = static_cast<std::uint8_t>(before + n[odd ? odd_order[k] : even_order[k]]);
      }
    }
  };
  /// Those of even points by the weight of the word, then those of odd ones.
  struct rules {
    static constexpr int odd = 25;
    rule of[leech_shells::classes_in_all]{};
    int from[odd + 2]{};

    constexpr explicit rules(const leech_shells& shells) {
      int size = 0;
      for (int kind = 0; kind <= odd; ++kind) {
        for (const leech_class& c : shells.classes()) {
          if ((c.o == 1 ? odd : c.weight) == kind) of[size++] = rule(c);
        }
        from[kind + 1] = size;
      }
    }
  };
  OPENQUANT_HD static const rules& table();

  OPENQUANT_HD bool sign_is_wrong(const rule& r) const { return on_.size > 0 && odd_ != r.four; }

  /// The largest <y, p> over the points p of a class and of this word: least value times the sum of
  /// all coordinates, and 4 times that of those with a larger one, and so on.
  OPENQUANT_HD double product(const rule& r) const {
    const auto& n = r.up_to;
    if (r.odd) {
      const double* s = all_.sum;
      return 4 * (s[n[0]] + s[n[1]] + s[n[2]] + s[n[3]] + s[n[4]] + s[n[5]]) - 11 * s[24];
    }
    const double *s = off_.sum, *t = on_.sum;
    const double total = 4 * (s[n[0]] + s[n[1]] + s[n[2]] + t[n[3]] + t[n[4]]) + 2 * t[on_.size];
    return sign_is_wrong(r) ? total - 2 * r.smallest * on_.key[on_.size - 1] : total;
  }

  /// The point that attains it.
  OPENQUANT_HD vec<float, 24> point(const rule& r) const {
    vec<float, 24> p{};
    const auto place = [&](const sorted& list, std::size_t first, std::size_t count, int largest) {
      for (std::size_t k = 0; k < count; ++k) {
        const int from = k == 0 ? 0 : r.up_to[first + k - 1];
        for (int i = from; i < r.up_to[first + k]; ++i) {
          p[list.at[i]] = static_cast<float>(largest - 4 * static_cast<int>(k));
        }
      }
    };
    if (r.odd) {
      place(all_, 0, 7, 13);
      for (index_t i = 0; i < 24; ++i) p[i] = word_ >> i & 1 ? -p[i] : p[i];
      return p;
    }
    place(off_, 0, 3, 12);
    place(on_, 3, 3, 10);
    for (index_t i = 0; i < 24; ++i) p[i] = y_[i] < 0 ? -p[i] : p[i];
    if (sign_is_wrong(r)) p[on_.at[on_.size - 1]] *= -1;
    return p;
  }

  const vec<float, 24>& y_;
  std::uint32_t word_;
  sorted on_, off_, all_;
  bool odd_ = false;  // an odd number of negative coordinates on the word
};

OPENQUANT_HD inline const leech_class_search::rules& leech_class_search::table() {
#if defined(__CUDA_ARCH__)
  static constexpr rules all{leech_shells{}};
#else
  static const rules all(leech_shells::table());
#endif
  return all;
}

}  // namespace openquant::lattice
