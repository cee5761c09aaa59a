// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <utility>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>

/// Every operation, lane by lane against the same operation on one plain lane.
namespace openquant {
namespace {

using one = plain16<1>;

/// The corners of both readings, signed and unsigned, then random numbers.
std::vector<std::uint16_t> interesting() {
  std::vector<std::uint16_t> x{0,     1,     2,     127,   128,   181,   182,   221,
                               222,   32766, 32767, 32768, 32769, 65408, 65409, 65533,
                               65534, 65535, 40000, 20000, 16384, 49152, 8192,  255};
  for (std::uint64_t i = 0; i < 232; ++i) {
    x.push_back(static_cast<std::uint16_t>(random::index(1, i, 65536)));
  }
  return x;
}

template <class Lanes, class Wide, class Narrow>
void compare(Wide wide, Narrow narrow) {
  const std::vector<std::uint16_t> a = interesting();
  const auto n = static_cast<index_t>(a.size());
  std::vector<std::uint16_t> twice(a);
  twice.insert(twice.end(), a.begin(), a.end());
  twice.insert(twice.end(), a.begin(), a.begin() + Lanes::lanes);
  for (index_t offset = 0; offset < n; ++offset) {
    for (index_t i = 0; i < n; i += Lanes::lanes) {
      const std::uint16_t *x = &twice[static_cast<std::size_t>(i)], *y = x + offset;
      std::uint16_t out[Lanes::lanes];
      store(wide(Lanes::load(x), Lanes::load(y)), out);
      for (index_t l = 0; l < Lanes::lanes; ++l) {
        const std::uint16_t expected = narrow(one::load(x + l), one::load(y + l)).v[0];
        if (out[l] != expected) {
          CAPTURE(x[l]);
          CAPTURE(y[l]);
          CHECK(out[l] == expected);
          return;
        }
      }
    }
  }
}

/// The same expression on both.
template <class Lanes, class F>
void compare(F f) {
  compare<Lanes>(f, f);
}

template <class Lanes, int Times>
void check_repeat() {
  const std::vector<std::uint16_t> a = interesting();
  const Lanes x = Lanes::load(a.data());
  std::vector<std::uint16_t> out(static_cast<std::size_t>(Lanes::lanes * Times));
  [&]<int... Part>(std::integer_sequence<int, Part...>) {
    (store(repeat<Times, Part>(x), out.data() + Part * Lanes::lanes), ...);
  }
  (std::make_integer_sequence<int, Times>{});
  for (std::size_t i = 0; i < out.size(); ++i) CHECK(out[i] == a[i / Times]);
}

template <class Lanes>
void check_all() {
  CAPTURE(Lanes::lanes);
  compare<Lanes>([](auto x, auto y) { return signed_difference(x, y); });
  compare<Lanes>([](auto x, auto) { return signed_square(x); });
  compare<Lanes>([](auto x, auto y) { return saturated_sum(x, y); });
  compare<Lanes>([](auto x, auto y) { return saturated_difference(x, y); });
  compare<Lanes>([](auto x, auto y) { return min(x, y); });
  compare<Lanes>([](auto x, auto y) { return select(x <= y, x, y); });
  const std::vector<std::uint16_t> a = interesting();
  for (index_t i = 0; i + 2 * Lanes::lanes < std::ssize(a); ++i) {
    const std::uint16_t *x = &a[static_cast<std::size_t>(i)], *y = x + Lanes::lanes;
    std::uint32_t expected = 0;
    for (index_t l = 0; l < Lanes::lanes; ++l) expected |= std::uint32_t{x[l] <= y[l]} << l;
    CHECK(to_bits(Lanes::load(x) <= Lanes::load(y)) == expected);
  }
  const std::int16_t negative[32] = {-1, 2, -3};
  std::uint16_t stored[32];
  store(Lanes::load(negative), stored);
  CHECK(stored[0] == 65535);
  CHECK(stored[2] == 65533);
  check_repeat<Lanes, 1>();
  check_repeat<Lanes, 2>();
  check_repeat<Lanes, 4>();
  check_repeat<Lanes, 8>();
  check_repeat<Lanes, 16>();
}

TEST_CASE("simd16: every operation is the plain one, lane by lane") {
  check_all<lane16_t<batch<default_arch>>>();
  check_all<lane16_t<batch<baseline_arch>>>();
  check_all<plain16<8, default_arch>>();  // where the instruction set is none of the three
#if defined(__AVX2__)
  check_all<lane16_t<batch<xsimd::avx2>>>();
#endif
}

TEST_CASE("simd16: as many lanes as a register has") {
#if defined(__AVX512BW__)
  CHECK(lane16_t<batch<default_arch>>::lanes == 32);
#elif defined(__AVX2__)
  CHECK(lane16_t<batch<default_arch>>::lanes == 16);
#else
  CHECK(lane16_t<batch<default_arch>>::lanes == 8);
#endif
  CHECK(lane16_t<batch<baseline_arch>>::lanes == 8);
}

}  // namespace
}  // namespace openquant
