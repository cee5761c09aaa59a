// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sstream>

#include <openquant/openquant.hpp>

#include "layer/pair_quantizer.hpp"
#include "layer/random_layer.hpp"
#include "worst.hpp"

namespace {

using namespace openquant;
using namespace openquant::test;
using quantizer::lloyd_max;
using quantizer::uniform;

using plain = quantized<uniform<4>>;
using equalized = gptq<uniform<4>, rotation::hadamard, equalizer::smoothquant>;
using blocked = gptq<lloyd_max<2>, rotation::block_hadamard<8>>;
using paired = round_to_nearest<pair_quantizer, rotation::dense>;

/// A Householder reflection: orthogonal, and no entry is zero.
rotation::dense reflection(index_t n) {
  matrix<float> r(n, n);
  for (index_t i = 0; i < n; ++i) {
    for (index_t j = 0; j < n; ++j) {
      r(i, j) = static_cast<float>((i == j ? 1.0 : 0.0) - 2.0 / static_cast<double>(n));
    }
  }
  return rotation::dense(std::move(r));
}

template <class Quantized>
std::string saved(const Quantized& q) {
  std::ostringstream out;
  q.save(out);
  return out.str();
}
template <class Quantized>
Quantized loaded(const std::string& bytes) {
  std::istringstream in(bytes);
  return load<Quantized>(in);
}

plain small(index_t m = 3, index_t n = 10, index_t g = 4) {
  return round_to_nearest<uniform<4>>{.options = {.group_size = g}}.quantize(
      normal_matrix(m, n, 1));
}

/// `act` on a matrix of each of four compositions.
template <class Act>
void for_each_composition(const Act& act) {
  const matrix<float> w = normal_matrix(35, 40, 2);
  const hessian h = random_hessian(100, 40, 0.8, 3);
  act(w, small(35, 40, 16));
  act(w, equalized{.rotation = {.seed = 5}, .options = {.group_size = 16}}.quantize(w, h));
  act(w, blocked{.options = {.group_size = 24, .act_order = true}}.quantize(w, h));
  act(w, paired{.rotation = reflection(40), .options = {.group_size = -1}}.quantize(w));
}

TEST_CASE("quantized: save, load, save gives the same bytes for every composition") {
  for_each_composition([](const matrix<float>&, const auto& q) {
    const std::string bytes = saved(q);
    const auto again = loaded<std::remove_cvref_t<decltype(q)>>(bytes);
    CHECK(again == q);
    CHECK(again.report() == q.report());
    CHECK(again.dequantize() == q.dequantize());
    CHECK(saved(again) == bytes);
  });
}

TEST_CASE("quantized: the file is the payload and a header") {
  for_each_composition([](const matrix<float>&, const auto& q) {
    std::ostringstream options;
    write_members(options, q.quantizer());
    index_t header = 4 + 4 + static_cast<index_t>(q.type_name().size()) + 3 * 8 + 6 * 8 +
                     static_cast<index_t>(options.str().size());
    if (q.type_name().ends_with("smoothquant")) header += 4;            // alpha
    if (q.type_name().find("dense") != std::string::npos) header += 8;  // the order
    CHECK(q.payload_bits() == 8 * (static_cast<index_t>(saved(q).size()) - header));
    CHECK(q.bits_per_weight() == static_cast<double>(q.payload_bits()) / (35 * 40));
  });
}

TEST_CASE("quantized: bits per weight by hand") {
  const auto bits = [](const auto& quantizer, index_t m, index_t n, index_t g) {
    using Q = std::remove_cvref_t<decltype(quantizer)>;
    const round_to_nearest<Q> method{.quantizer = quantizer, .options = {.group_size = g}};
    return method.quantize(normal_matrix(m, n, 4)).bits_per_weight();
  };
  // 32 bits of unit over the matrix, everything else a row.
  CHECK(bits(uniform<4>{.symmetric = true}, 16, 256, 128) == 4 + 16.0 / 128 + 32.0 / (16 * 256));
  // Two scales of 20 bits fill 5 bytes.
  CHECK(bits(uniform<4>{}, 16, 256, 128) == 4 + 20.0 / 128 + 32.0 / (16 * 256));
  // One of 20 bits fills 3 bytes: 4 bits of padding a row.
  CHECK(bits(uniform<4>{}, 16, 128, 128) == 4 + 24.0 / 128 + 32.0 / (16 * 128));
  CHECK(bits(uniform<4>{}, 16, 128, -1) == bits(uniform<4>{}, 16, 128, 128));
  // 10 codes of 3 bits fill 4 bytes; groups of 4, 4, 2: 57 bits of scales fill 8 bytes.
  CHECK(bits(uniform<3>{}, 2, 10, 4) == (2 * (32 + 64) + 32) / 20.0);
  CHECK(bits(lloyd_max<2>{}, 8, 64, 32) == 2 + 16.0 / 32 + 32.0 / (8 * 64));
  CHECK(bits(pair_quantizer{}, 8, 64, 32) == 2 + 16.0 / 32 + 32.0 / (8 * 64));
  CHECK(bits(uniform<4>{}, 1, 1, 128) == 8 + 24 + 32);

  const matrix<float> w = normal_matrix(16, 128, 4);
  const auto q = equalized{.options = {.group_size = 64}}.quantize(w, random_hessian(9, 128, 0, 5));
  // 16 bits a channel for the equalizer, 64 for the seed.
  CHECK(q.bits_per_weight() == 4 + 20.0 / 64 + (16 * 128 + 64 + 32) / (16.0 * 128));
}

TEST_CASE("quantized: dequantize leaves the basis of the codes") {
  // At 8 bits every weight comes back to a hundredth of the largest in any basis: a transform left
  // out, or applied in the other direction, gives errors of the size of the weights.
  const matrix<float> w = normal_matrix(35, 40, 2);
  const hessian h = random_hessian(100, 40, 0.8, 3);
  const uniform<8> fine{};
  const auto check = [&](const auto& q) {
    const matrix<float> w_hat = q.dequantize();
    double worst = 0;
    for (index_t i = 0; i < 35 * 40; ++i) {
      worst = test::worst(worst, static_cast<double>(std::fabs(w.data()[i] - w_hat.data()[i])));
    }
    CHECK(worst < 0.05);
  };
  check(round_to_nearest<uniform<8>>{fine}.quantize(w));
  check(round_to_nearest<uniform<8>, rotation::hadamard>{fine, {.seed = 9}}.quantize(w));
  check(round_to_nearest<uniform<8>, rotation::dense>{fine, reflection(40)}.quantize(w));
  check(round_to_nearest<uniform<8>, rotation::hadamard, equalizer::smoothquant>{
      fine, {.seed = 9}, {.alpha = 0.5f}}
            .quantize(w, h));
}

TEST_CASE("quantized: multiply is the product with the decoded matrix") {
  for_each_composition([](const matrix<float>&, const auto& q) {
    const matrix<float> w_hat = q.dequantize();
    for (const index_t tokens : {0, 1, 7}) {
      const matrix<float> x = normal_matrix(tokens, 40, 6);
      matrix<float> y(tokens, 35), spread(tokens, 35);
      q.multiply(x, y);
      for (index_t t = 0; t < tokens; ++t) {
        for (index_t i = 0; i < 35; ++i) {
          double expected = 0, x2 = 0, w2 = 0;
          for (index_t j = 0; j < 40; ++j) {
            const auto a = static_cast<double>(x(t, j)), b = static_cast<double>(w_hat(i, j));
            expected += a * b;
            x2 += a * a;
            w2 += b * b;
          }
          // A product of 40 terms, and two transforms each way of at most 40 terms; equalizer
          // scales change a norm at most 4-fold here.
          const double bound = 4 * (5 * 40) * 0x1p-24 * std::sqrt(x2 * w2);
          CHECK(std::fabs(static_cast<double>(y(t, i)) - expected) <= bound);
        }
      }
      for (index_t n = 1; n <= 4; ++n) {
        q.multiply(x, spread, threads{n});
        CHECK(spread == y);
      }
    }
  });
}

TEST_CASE("quantized: multiply refuses other shapes") {
  const plain q = small();
  matrix<float> y(2, 3);
  CHECK_THROWS_WITH_AS(q.multiply(matrix<float>(2, 9), y),
                       "quantized.multiply: x is (2, 9), y is (2, 3), W is (3, 10)", error);
  CHECK_THROWS_AS(q.multiply(matrix<float>(1, 10), y), error);
  matrix<float> narrow(2, 4);
  CHECK_THROWS_AS(q.multiply(matrix<float>(2, 10), narrow), error);
}

TEST_CASE("quantized: a power of two on the weights changes the unit alone") {
  const matrix<float> w = normal_matrix(33, 40, 7);
  const hessian h = random_hessian(100, 40, 0.8, 8);
  const auto check = [&](const auto& method) {
    const auto q = method.quantize(w, h);
    const matrix<float> w_hat = q.dequantize();
    for (const int k : {-40, -3, 5, 40}) {
      CAPTURE(k);
      matrix<float> scaled(w.view()), expected(w_hat.view());
      for (index_t i = 0; i < 33 * 40; ++i) {
        scaled.data()[i] = std::ldexp(scaled.data()[i], k);
        expected.data()[i] = std::ldexp(expected.data()[i], k);
      }
      const auto other = method.quantize(scaled, h);
      CHECK(other.packed() == q.packed());
      CHECK(other.report() == q.report());
      CHECK(other.dequantize() == expected);
    }
  };
  check(equalized{.options = {.group_size = 16}});
  check(blocked{.options = {.group_size = 24}});
}

TEST_CASE("quantized: zero and one-element matrices") {
  const matrix<float> zero(5, 16);
  const auto q = round_to_nearest<uniform<4>, rotation::hadamard>{}.quantize(zero);
  CHECK(q.dequantize() == zero);
  CHECK(q.report().relative_error == 0);
  matrix<float> one(1, 1);
  one(0, 0) = -0.75f;
  const plain p = round_to_nearest<uniform<4>>{}.quantize(one);
  CHECK(p.group_size() == 1);
  CHECK(p.dequantize()(0, 0) == doctest::Approx(-0.75).epsilon(0.001));
  CHECK(loaded<plain>(saved(p)) == p);
}

TEST_CASE("quantized: groups longer than the row, and ragged ones") {
  const matrix<float> w = normal_matrix(3, 10, 1);
  const round_to_nearest<uniform<4>> longer{.options = {.group_size = 99}};
  const round_to_nearest<uniform<4>> whole{.options = {.group_size = -1}};
  CHECK(longer.quantize(w) == whole.quantize(w));
  CHECK(small(3, 10, 4).packed().scales.cols() == 3);
  CHECK(small(3, 10, 10).packed().scales.cols() == 1);
}

TEST_CASE("quantized: a stream of another type is refused with both names") {
  std::istringstream in(saved(small()));
  CHECK_THROWS_WITH_AS(load<quantized<uniform<3>>>(in),
                       "load: the stream holds uniform<4>|identity|identity, asked for "
                       "uniform<3>|identity|identity",
                       error);
}

TEST_CASE("quantized: every truncation is refused") {
  const std::string bytes = saved(small());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(loaded<plain>(bytes.substr(0, size)), error);
  }
  CHECK(loaded<plain>(bytes) == small());
}

/// `bytes` with the 64-bit integer at `offset` replaced.
std::string patched(std::string bytes, std::size_t offset, std::int64_t value) {
  bytes.replace(offset, 8, reinterpret_cast<const char*>(&value), 8);
  return bytes;
}

TEST_CASE("quantized: a wrong magic number and impossible shapes are refused") {
  const std::string bytes = saved(small());
  std::string other = bytes;
  other[0] = 'X';
  CHECK_THROWS_WITH_AS(loaded<plain>(other), "load: this is not an OpenQuant matrix", error);
  const std::size_t rows = 4 + 4 + plain::type_name().size(), cols = rows + 8, group = rows + 16;
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 20,
                                   std::int64_t{1} << 31, std::int64_t{1} << 62}) {
    CAPTURE(value);
    CHECK_THROWS_AS(loaded<plain>(patched(bytes, rows, value)), error);
    CHECK_THROWS_AS(loaded<plain>(patched(bytes, cols, value)), error);
    CHECK_THROWS_AS(loaded<plain>(patched(bytes, group, value)), error);
  }
  CHECK_THROWS_WITH_AS(loaded<plain>(patched(bytes, group, 11)),
                       "load: impossible shape (3, 10), group size 11", error);
}

TEST_CASE("quantized: a shape is believed only if the stream can hold it") {
  // Less than a byte of codes a row: the bytes count rounded up, and the scales' too.
  const std::string bytes = saved(small(3, 1, 1));
  const std::size_t rows = 4 + 4 + plain::type_name().size();
  CHECK_THROWS_WITH_AS(loaded<plain>(patched(bytes, rows, 65536)),
                       "load: (65536, 1) weights in groups of 1 need 1 bytes of codes a row of "
                       "codes and 3 of scales a row, the stream has 16 in all",
                       error);
}

TEST_CASE("quantized: a scale that is not finite is refused with its place") {
  std::string bytes = saved(small());  // at the end: 3 rows of 8 bytes of scales, of 5 of codes
  const std::size_t scales = bytes.size() - 3 * 8 - 3 * 5;
  bytes[scales + 8 + 1] = '\x7c';  // the upper byte of an infinite fp16, row 1
  bytes[scales + 8] = '\0';
  CHECK_THROWS_WITH_AS(loaded<plain>(bytes), "load: scale of row 1, group 0 is inf", error);
}

TEST_CASE("quantized: any one damaged byte is refused, or gives a matrix that can be used") {
  const matrix<float> w = normal_matrix(2, 8, 9);
  const auto q = equalized{.options = {.group_size = 4}}.quantize(w, random_hessian(9, 8, 0, 9));
  const std::string bytes = saved(q);
  int refused = 0;
  for (std::size_t k = 0; k < bytes.size(); ++k) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[k] = static_cast<char>(damaged[k] ^ flip);
      try {
        const auto other = loaded<std::remove_cvref_t<decltype(q)>>(damaged);
        CHECK(other.dequantize().rows() == other.rows());
      } catch (const error&) {
        ++refused;
      }
    }
  }
  CHECK(refused >= 3 * 8);  // magic and length of the name at least
}

TEST_CASE("quantized: a stream that cannot be written throws") {
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  CHECK_THROWS_AS(small().save(out), error);
}

}  // namespace
