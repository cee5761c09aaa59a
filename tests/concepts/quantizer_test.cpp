// SPDX-License-Identifier: Apache-2.0
#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/float16.hpp>

#include "laws/quantizer_laws.hpp"

// Inside openquant, where abs, min, max and the rest are those of the lane types; outside, abs(x)
// of a float may be C's, for integers.
namespace openquant {
namespace {

// snippet: sign_bit
/// The sign of a weight: one bit, decoded as plus or minus the group's mean magnitude.
struct sign_bit {
  static constexpr index_t dim = 1, scale_fields = 1;
  static constexpr int code_bits = 1;
  static constexpr bool nearest = true;
  static std::string name() { return "sign_bit"; }
  int scale_bits() const { return 16; }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    T sum = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) sum = sum + abs(group[j]);
    return {sum * T(1.0f / static_cast<float>(group.size()))};
  }
  template <class T>
  OPENQUANT_HD lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>&) const {
    return to_int(select(x[0] < T(0.0f), T(0.0f), T(1.0f)));
  }
  template <class T, class Code>
  OPENQUANT_HD vec<T, 1> decode(const Code& c, const vec<T, 1>& s) const {
    return {(to_float(c) * T(2.0f) - T(1.0f)) * s[0]};
  }
  std::uint64_t pack(const vec<float, 1>& s) const {
    return to_float16(min(s[0], 65504.0f)).bits;  // the largest of fp16
  }
  vec<float, 1> unpack(std::uint64_t bits) const {
    return {to_float(float16{static_cast<std::uint16_t>(bits)})};
  }
};
static_assert(Quantizer<sign_bit>);
// snippet end

// snippet: checkerboard
/// Two weights, one code of four bits: the square grid of 4 by 4, turned by 45 degrees, whose
/// points are those of a checkerboard's black squares.
struct checkerboard {
  static constexpr index_t dim = 2, scale_fields = 1;
  static constexpr int code_bits = 4;
  static constexpr bool nearest = true;
  static std::string name() { return "checkerboard"; }
  int scale_bits() const { return 16; }

  template <class T>
  OPENQUANT_HD vec<T, 1> fit(const group_view<T>& group) const {
    T largest = T(0.0f);
    for (index_t j = 0; j < group.size(); ++j) largest = max(largest, abs(group[j]));
    return {largest * T(0.5f)};
  }
  template <class T>
  OPENQUANT_HD lane_int_t<T> encode(const vec<T, 2>& x, const vec<T, 1>& s) const {
    const T inverse = select(s[0] > T(0.0f), T(1.0f) / s[0], T(0.0f));
    const T u = level((x[0] + x[1]) * inverse), v = level((x[0] - x[1]) * inverse);
    return to_int(u * T(4.0f) + v);
  }
  template <class T, class Code>
  OPENQUANT_HD vec<T, 2> decode(const Code& c, const vec<T, 1>& s) const {
    const T u = to_float(c >> 2) - T(1.5f), v = to_float(c & Code(3)) - T(1.5f);
    return vec<T, 2>{u + v, u - v} * (s[0] * T(0.5f));
  }
  std::uint64_t pack(const vec<float, 1>& s) const {
    return to_float16(min(s[0], 65504.0f)).bits;  // the largest of fp16
  }
  vec<float, 1> unpack(std::uint64_t bits) const {
    return {to_float(float16{static_cast<std::uint16_t>(bits)})};
  }

 private:
  /// 0, ..., 3 for -1.5, ..., 1.5.
  template <class T>
  OPENQUANT_HD static T level(T u) {
    return min(max(round_even(u + T(1.5f)), T(0.0f)), T(3.0f));
  }
};
static_assert(Quantizer<checkerboard>);
// snippet end

TEST_CASE("quantizer: one of your own passes the laws") { laws::check_quantizer_laws(sign_bit{}); }

TEST_CASE("quantizer: one of your own in two dimensions passes the laws on every lane") {
  laws::check_quantizer_laws(checkerboard{});
  CHECK(laws::claims_nearest<checkerboard>());
  // by hand: (1, 0) is u = v = 1 step, between the levels 0.5 and 1.5; 2.5 goes to the even 2
  const checkerboard q;
  const vec<float, 1> s{1};
  CHECK(q.encode(vec<float, 2>{1, 0}, s) == 2 * 4 + 2);
  CHECK(laws::same(q.decode(10, s), vec<float, 2>{0.5f, 0}));
  CHECK(laws::same(q.decode(15, s), vec<float, 2>{1.5f, 0}));
  CHECK(laws::same(q.decode(3, s), vec<float, 2>{0, -1.5f}));
}

// What is no quantizer: one requirement each is missing or wrong.
struct without_decode : sign_bit {
  void decode() const = delete;
};
struct without_name : sign_bit {
  void name() const = delete;
};
struct no_dimension : sign_bit {
  static constexpr index_t dim = 0;
};
struct too_many_bits : sign_bit {
  static constexpr int code_bits = 32;
};
struct real_codes : sign_bit {
  float encode(const vec<float, 1>&, const vec<float, 1>&) const { return 0; }
};
struct pairs_from_scalars : sign_bit {
  static constexpr index_t dim = 2;  // encode takes one weight
};
struct packs_to_32_bits : sign_bit {
  std::uint32_t pack(const vec<float, 1>&) const { return 0; }
};
struct moves_only : sign_bit {
  moves_only(moves_only&&) = default;
  moves_only& operator=(moves_only&&) = default;
};
struct another : sign_bit {};

static_assert(Quantizer<another>);
static_assert(!Quantizer<int>);
static_assert(!Quantizer<sign_bit&>);
static_assert(!Quantizer<without_decode>);
static_assert(!Quantizer<without_name>);
static_assert(!Quantizer<no_dimension>);
static_assert(!Quantizer<too_many_bits>);
static_assert(!Quantizer<real_codes>);
static_assert(!Quantizer<pairs_from_scalars>);
static_assert(!Quantizer<packs_to_32_bits>);
static_assert(!Quantizer<moves_only>);

// What is one to the compiler, and breaks one law each.
struct two_is_one : sign_bit {  // a code beyond its bits
  template <class T>
  lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>&) const {
    return to_int(select(x[0] < T(0.0f), T(0.0f), T(2.0f)));
  }
};
struct drifts : sign_bit {  // what was decoded is coded as something else
  template <class T>
  lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>&) const {
    return to_int(select(x[0] < T(0.0f), T(1.0f), T(0.0f)));
  }
};
struct offset : sign_bit {  // an additive constant
  template <class T>
  vec<T, 1> fit(const group_view<T>& group) const {
    return sign_bit::fit(group) + vec<T, 1>{T(0.01f)};
  }
};
struct forgets : sign_bit {  // fewer bits than it stores
  int scale_bits() const { return 8; }
};
struct unstable : sign_bit {  // packs what it unpacked to other bits
  vec<float, 1> unpack(std::uint64_t bits) const { return sign_bit::unpack(bits) * 2.0f; }
};
struct scalar_only : sign_bit {  // one bit less in lanes
  template <class T>
  vec<T, 1> fit(const group_view<T>& group) const {
    return sign_bit::fit(group) * (lane_count<T> == 1 ? T(1.0f) : T(0.5f));
  }
};
struct lanes_flip : sign_bit {  // other codes in lanes
  template <class T>
  lane_int_t<T> encode(const vec<T, 1>& x, const vec<T, 1>& s) const {
    return sign_bit::encode(vec<T, 1>{lane_count<T> == 1 ? x[0] : T(0.0f) - x[0]}, s);
  }
};
struct wraps_around : checkerboard {  // far to the right is on the left
  template <class T>
  lane_int_t<T> encode(const vec<T, 2>& x, const vec<T, 1>& s) const {
    const auto code = checkerboard::encode(x, s);
    return to_int(select(abs(x[0]) > s[0] * T(100.0f), T(15.0f) - to_float(code), to_float(code)));
  }
};
struct careless : checkerboard {  // takes the neighbour of the nearest, here and there
  template <class T>
  lane_int_t<T> encode(const vec<T, 2>& x, const vec<T, 1>& s) const {
    return checkerboard::encode(vec<T, 2>{x[0] * T(1.2f), x[1]}, s);
  }
};

TEST_CASE("quantizer: every law refuses who breaks it") {
  using default_lane = batch<default_arch>;
  CHECK_THROWS_AS(laws::decoded_points_are_fixed(two_is_one{}), error);
  CHECK_THROWS_AS(laws::decoded_points_are_fixed(drifts{}), error);
  CHECK_THROWS_AS(laws::powers_of_two_pass_through(offset{}), error);
  CHECK_THROWS_AS(laws::zeros_stay_zeros(offset{}), error);
  CHECK_THROWS_AS(laws::scales_fit_their_bits(forgets{}), error);
  CHECK_THROWS_AS(laws::scales_fit_their_bits(unstable{}), error);
  CHECK_THROWS_AS(laws::lanes_agree_with_scalars<default_lane>(scalar_only{}), error);
  CHECK_THROWS_AS(laws::lanes_agree_with_scalars<default_lane>(lanes_flip{}), error);
  CHECK_THROWS_AS(laws::far_points_saturate(wraps_around{}, true), error);
  CHECK_THROWS_AS(laws::no_code_is_nearer(careless{}), error);
  CHECK_THROWS_AS(laws::no_code_is_nearer(drifts{}), error);
}

}  // namespace
}  // namespace openquant
