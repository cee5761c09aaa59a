// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <doctest/doctest.h>
#include <limits>
#include <span>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/viterbi.hpp>

namespace {

using namespace openquant;
using quantizer::viterbi;
using scalar = plain16<1>;

constexpr auto infinite = std::numeric_limits<std::int64_t>::max() / 2;

/// Values and targets, both N(0,1) in units of 1/4096: a cost of 512 is one squared deviation.
template <int B, int L, index_t T>
struct problem {
  using search = viterbi<B, L, T>;
  std::vector<std::int16_t> value = std::vector<std::int16_t>(search::states);
  std::array<std::int16_t, T> x;

  explicit problem(std::uint64_t seed) {
    for (std::size_t s = 0; s < value.size(); ++s) value[s] = fixed(random::normal(seed, s));
    for (std::size_t t = 0; t < x.size(); ++t) x[t] = fixed(random::normal(seed + 1000, t));
  }
  static std::int16_t fixed(float a) {
    return static_cast<std::int16_t>(std::clamp(a * 4096.0f, -16384.0f, 16384.0f));
  }

  std::int64_t cost(std::uint32_t state, index_t t) const {
    const auto target = static_cast<std::uint16_t>(x[static_cast<std::size_t>(t)]);
    return search::branch_cost(scalar::load(&value[state]), scalar::fill(target)).v[0];
  }
  std::int64_t cost(const std::array<std::uint32_t, T>& path) const {
    std::int64_t sum = 0;
    for (index_t t = 0; t < T; ++t) sum += cost(path[static_cast<std::size_t>(t)], t);
    return sum;
  }

  /// The closed path of symbols: bits [B t, B t + B) of `circle` are symbol t.
  static std::array<std::uint32_t, T> path_of(std::uint64_t circle) {
    std::array<std::uint32_t, T> path{};
    std::uint32_t s = 0;
    for (index_t t = T - search::depth; t < 2 * T; ++t) {
      const auto c = static_cast<std::uint32_t>(circle >> (t % T * B)) % search::branches;
      s = (s << B | c) % search::states;
      if (t >= T) path[static_cast<std::size_t>(t - T)] = s;
    }
    return path;
  }

  /// Least cost of closed paths through `prefix` at the seam, every one tried.
  std::int64_t brute_force(std::uint32_t prefix) const {
    std::int64_t least = infinite;
    for (std::uint64_t circle = 0; circle >> (B * T) == 0; ++circle) {
      const auto path = path_of(circle);
      if ((path[0] >> B) == prefix) least = std::min(least, cost(path));
    }
    return least;
  }

  /// The same by a search in 64 bits, which is exact at any size. `first` is the step that it
  /// starts with; -1 for prefix: any at both ends. `middle`: at step first + T / 2 only this
  /// prefix.
  std::int64_t exact(index_t first, std::int64_t prefix, std::int64_t middle = -1) const {
    std::vector<std::int64_t> sum(search::states), next(search::states);
    for (std::uint32_t s = 0; s < search::states; ++s) {
      sum[s] = prefix < 0 || s >> B == prefix ? cost(s, first) : infinite;
    }
    for (index_t i = 1; i < T; ++i) {
      for (std::uint32_t s = 0; s < search::states; ++s) {
        std::int64_t least = infinite;
        if (i != T / 2 || middle < 0 || s >> B == middle) {
          for (std::uint32_t h = 0; h < search::branches; ++h) {
            least = std::min(least, sum[(s >> B) + h * search::prefixes]);
          }
        }
        next[s] = std::min(infinite, least + cost(s, (first + i) % T));
      }
      std::swap(sum, next);
    }
    std::int64_t least = infinite;
    for (std::uint32_t s = 0; s < search::states; ++s) {
      if (prefix < 0 || s % search::prefixes == prefix) least = std::min(least, sum[s]);
    }
    return least;
  }
};

template <int B>
bool is_closed(std::span<const std::uint32_t> path, std::uint32_t states) {
  for (std::size_t t = 0; t < path.size(); ++t) {
    const std::uint32_t before = path[(t + path.size() - 1) % path.size()];
    if (((before << B | path[t] % (1u << B)) & (states - 1)) != path[t]) return false;
  }
  return true;
}

template <int B, int L, index_t T>
void check_brute_force() {
  using search = viterbi<B, L, T>;
  CAPTURE(B);
  CAPTURE(L);
  typename search::workspace memory;
  std::array<std::uint32_t, T> path;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const problem<B, L, T> p(seed);
    for (std::uint32_t prefix = 0; prefix < search::prefixes; ++prefix) {
      search::template closed_path_through<scalar>(p.value.data(), p.x, prefix, path, memory);
      CHECK(is_closed<B>(path, search::states));
      CHECK((path[0] >> B) == prefix);
      CHECK(p.cost(path) == p.brute_force(prefix));
      CHECK(p.exact(0, prefix) == p.brute_force(prefix));  // one oracle by the other
    }
  }
}

TEST_CASE("viterbi: on small trellises no closed path through a prefix is cheaper") {
  check_brute_force<1, 4, 8>();
  check_brute_force<1, 3, 10>();
  check_brute_force<2, 4, 5>();
  check_brute_force<2, 5, 5>();  // L is no multiple of B
  check_brute_force<3, 4, 4>();
  check_brute_force<4, 6, 3>();
}

TEST_CASE("viterbi: the prefix at the seam is one of the cheapest free path's") {
  using search = viterbi<2, 6, 16>;
  search::workspace memory;
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u}) {
    const problem<2, 6, 16> p(seed);
    const std::uint32_t prefix = search::prefix_at_seam<scalar>(p.value.data(), p.x, memory);
    CHECK(p.exact(8, -1, prefix) == p.exact(8, -1));
    std::array<std::uint32_t, 16> path, same;
    search::closed_path<scalar>(p.value.data(), p.x, path, memory);
    search::closed_path_through<scalar>(p.value.data(), p.x, prefix, same, memory);
    CHECK(path == same);
  }
}

/// Closed and, but for the few percent stated, as cheap as 64 bits find it.
template <int B, int L>
void check_exact(const problem<B, L, 256>& p) {
  using search = viterbi<B, L, 256>;
  static typename search::workspace memory;
  std::array<std::uint32_t, 256> path;
  search::template closed_path<lane16_t<batch<default_arch>>>(p.value.data(), p.x, path, memory);
  CHECK(is_closed<B>(path, search::states));
  CHECK(p.cost(path) == p.exact(0, path[0] >> B));
}

template <int B, int L>
void check_saturation() {
  CAPTURE(B);
  CAPTURE(L);
  problem<B, L, 256> p(7);
  check_exact(p);
  p.x[0] = p.x[100] = 16384;  // 4 deviations, the furthest
  check_exact(p);
  for (std::size_t t = 0; t < 256; ++t) p.x[t] = t / 7 % 3 == 0 ? 16384 : -16384;
  check_exact(p);
  for (std::size_t t = 0; t < 256; ++t) p.x[t] = 16384;
  check_exact(p);
  for (std::size_t t = 0; t < 256; ++t) p.x[t] = 0;
  check_exact(p);
}

TEST_CASE("viterbi: 16 bits choose what 64 would, outliers or not") {
  check_saturation<1, 8>();
  check_saturation<1, 10>();
  check_saturation<2, 9>();
  check_saturation<3, 10>();
  check_saturation<4, 8>();
}

/// The nearest of the 2^B values at each step, until the last symbols close the circle.
template <int B, int L>
std::array<std::uint32_t, 256> greedy(const problem<B, L, 256>& p, std::uint32_t prefix) {
  using search = viterbi<B, L, 256>;
  std::array<std::uint32_t, 256> path;
  std::uint32_t s = prefix;
  for (index_t t = 0; t < 256; ++t) {
    std::uint32_t best = s << B & (search::states - 1);
    const index_t left = 255 - t;  // symbols to come; those of the prefix are given
    if (left * B < L - B) {
      best |= prefix >> (left * B) & (search::branches - 1);
    } else {
      for (std::uint32_t c = 1, first = best; c < search::branches; ++c) {
        if (p.cost(first + c, t) < p.cost(best, t)) best = first + c;
      }
    }
    s = path[static_cast<std::size_t>(t)] = best;
  }
  return path;
}

TEST_CASE("viterbi: costs less than the greedy choice") {
  using search = viterbi<2, 10, 256>;
  search::workspace memory;
  for (const std::uint64_t seed : {11u, 12u, 13u}) {
    const problem<2, 10, 256> p(seed);
    for (const std::uint32_t prefix : {0u, 1u, 100u, 255u}) {
      std::array<std::uint32_t, 256> path;
      search::closed_path_through<lane16_t<batch<default_arch>>>(p.value.data(), p.x, prefix, path,
                                                                 memory);
      const auto other = greedy(p, prefix);
      CHECK(is_closed<2>(other, search::states));
      CHECK(p.cost(path) < p.cost(other));
    }
  }
}

template <class T, int B, int L>
void check_lanes() {
  using search = viterbi<B, L, 256>;
  static typename search::workspace wide, narrow;
  for (const std::uint64_t seed : {21u, 22u}) {
    const problem<B, L, 256> p(seed);
    std::array<std::uint32_t, 256> path, expected;
    search::template closed_path<lane16_t<T>>(p.value.data(), p.x, path, wide);
    search::template closed_path<scalar>(p.value.data(), p.x, expected, narrow);
    CHECK(path == expected);
    CHECK(wide.cost == narrow.cost);
    CHECK(wide.history == narrow.history);
  }
}

template <class T>
void check_lanes() {
  CAPTURE(lane16_t<T>::lanes);
  check_lanes<T, 1, 8>();
  check_lanes<T, 2, 11>();
  check_lanes<T, 3, 8>();
  check_lanes<T, 3, 12>();
  check_lanes<T, 4, 8>();  // fewer prefixes than some registers have lanes
  check_lanes<T, 4, 11>();
}

TEST_CASE("viterbi: costs, history and path are those of one lane") {
  check_lanes<batch<default_arch>>();
  check_lanes<batch<baseline_arch>>();
#if defined(__AVX2__)
  check_lanes<batch<xsimd::avx2>>();
#endif
}

TEST_CASE("viterbi: a used workspace gives what a new one does") {
  using search = viterbi<2, 8, 256>;
  search::workspace used;
  std::array<std::uint32_t, 256> path, again;
  const problem<2, 8, 256> a(31), b(32);
  search::closed_path<scalar>(a.value.data(), a.x, path, used);
  search::closed_path<scalar>(b.value.data(), b.x, path, used);
  search::workspace fresh;
  search::closed_path<scalar>(b.value.data(), b.x, again, fresh);
  CHECK(path == again);
}

}  // namespace
