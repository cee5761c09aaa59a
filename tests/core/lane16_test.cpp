// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>
#include <vector>

#include <openquant/core/lane16.hpp>

namespace openquant {
namespace {

using one = plain16<1>;

one of(int x) { return one::fill(static_cast<std::uint16_t>(x)); }
int bits_of(one x) { return x.v[0]; }

TEST_CASE("lane16: differences of signed lanes stay within 16 bits") {
  CHECK(bits_of(signed_difference(of(5), of(7))) == 65534);  // -2
  CHECK(bits_of(signed_difference(of(32767), of(-1))) == 32767);
  CHECK(bits_of(signed_difference(of(-32768), of(1))) == 32768);  // -2^15
}

TEST_CASE("lane16: squares over 2^15, rounded, half up") {
  CHECK(bits_of(signed_square(of(127))) == 0);  // 16129 / 32768
  CHECK(bits_of(signed_square(of(128))) == 1);  // exactly a half
  CHECK(bits_of(signed_square(of(-128))) == 1);
  CHECK(bits_of(signed_square(of(221))) == 1);  // 48841 / 32768 = 1.4905
  CHECK(bits_of(signed_square(of(222))) == 2);  // 49284 / 32768 = 1.504
  CHECK(bits_of(signed_square(of(32767))) == 32766);
  CHECK(bits_of(signed_square(of(-32768))) == 32768);
}

TEST_CASE("lane16: unsigned sums and differences saturate") {
  CHECK(bits_of(saturated_sum(of(40000), of(20000))) == 60000);
  CHECK(bits_of(saturated_sum(of(40000), of(30000))) == 65535);
  CHECK(bits_of(saturated_difference(of(40000), of(30000))) == 10000);
  CHECK(bits_of(saturated_difference(of(30000), of(40000))) == 0);
}

TEST_CASE("lane16: comparisons are unsigned") {
  CHECK(bits_of(min(of(40000), of(3))) == 3);
  CHECK(to_bits(of(40000) <= of(3)) == 0);
  CHECK(to_bits(of(3) <= of(40000)) == 1);
  CHECK(to_bits(of(3) <= of(3)) == 1);
}

TEST_CASE("lane16: masks select lanes") {
  using four = plain16<4>;
  const std::vector<std::uint16_t> a{1, 9, 3, 9}, b{5, 6, 7, 8};
  const auto x = four::load(a.data()), y = four::load(b.data());
  const auto m = x <= y;
  CHECK(to_bits(m) == 0b0101);
  std::uint16_t chosen[4];
  store(select(m, x, y), chosen);
  CHECK(std::vector<std::uint16_t>(chosen, chosen + 4) == std::vector<std::uint16_t>{1, 6, 3, 8});
}

TEST_CASE("lane16: repeat writes every lane so many times, over as many registers") {
  using four = plain16<4>;
  const std::vector<std::int16_t> a{1, -2, 3, 4};
  std::uint16_t out[8];
  store(repeat<2, 0>(four::load(a.data())), out);
  store(repeat<2, 1>(four::load(a.data())), out + 4);
  CHECK(std::vector<std::uint16_t>(out, out + 8) ==
        std::vector<std::uint16_t>{1, 1, 65534, 65534, 3, 3, 4, 4});
}

TEST_CASE("lane16: a float's 16-bit lanes are one scalar") {
  CHECK((std::is_same_v<lane16_t<float>, plain16<1>>));
}

}  // namespace
}  // namespace openquant
