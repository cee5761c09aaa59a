// SPDX-License-Identifier: Apache-2.0
/// Trains the tables of include/openquant/quantizer/code/trained.hpp and prints that file:
///
///   g++ -std=c++20 -O3 -DNDEBUG -march=native -ffp-contract=off -Iinclude -o train
///     bench/quantizer/train_trellis_table.cpp
///   ./train > trained.hpp; clang-format -i trained.hpp
///
/// Generalised Lloyd: code many tiles of N(0,1), move the value of each state to the mean of the
/// samples that were decoded as it, and again. It starts from the code latin, so the structure that
/// keeps apart the values between which the search chooses is there from the beginning. Seeds are
/// fixed and the sums are in one order: every machine prints the same.
#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include <openquant/core/float16.hpp>
#include <openquant/core/random.hpp>
#include <openquant/core/simd.hpp>
#include <openquant/quantizer/trellis.hpp>

namespace {

using namespace openquant;

constexpr int L = 12;
constexpr std::size_t states = std::size_t{1} << L;

std::int16_t to_fixed(double x, double unit) {
  return static_cast<std::int16_t>(std::rint(std::fmin(std::fmax(x * unit, -32767), 32767)));
}

/// 16-bit patterns of fp16, one a state.
template <int B>
std::vector<std::uint16_t> train() {
  using search = quantizer::viterbi<B, L, 256>;
  constexpr double unit = quantizer::trellis<B, L>::unit;
  constexpr std::uint64_t rounds = 80, tiles = 4096;
  constexpr double memory_of_rounds = 0.9;  // 4096 tiles are 256 samples a state, too few alone

  typename search::workspace memory;
  aligned_vector<std::int16_t> fixed(states);
  std::vector<double> value(states), sum(states), count(states);
  for (std::uint32_t s = 0; s < states; ++s) {
    value[s] = static_cast<double>(quantizer::code::latin::value<B, L>(s));
  }
  for (std::uint64_t round = 0; round < rounds; ++round) {
    for (std::size_t s = 0; s < states; ++s) {
      fixed[s] = to_fixed(value[s], unit);
      sum[s] *= memory_of_rounds;
      count[s] *= memory_of_rounds;
    }
    double error = 0;
    for (std::uint64_t tile = 0; tile < tiles; ++tile) {
      std::array<float, 256> x;
      std::array<std::int16_t, 256> target;
      std::array<std::uint32_t, 256> path;
      for (std::size_t t = 0; t < 256; ++t) {
        x[t] = random::normal(1000 + round, tile * 256 + t);
        target[t] = to_fixed(static_cast<double>(x[t]), unit);
      }
      search::template closed_path<lane16_t<batch<default_arch>>>(fixed.data(), target, path,
                                                                  memory);
      for (std::size_t t = 0; t < 256; ++t) {
        const auto sample = static_cast<double>(x[t]);
        sum[path[t]] += sample;
        count[path[t]] += 1;
        error += (sample - value[path[t]]) * (sample - value[path[t]]);
      }
    }
    for (std::size_t s = 0; s < states; ++s) value[s] = (sum[s] + value[s]) / (count[s] + 1);
    std::fprintf(stderr, "B = %d, round %2d: error %.6f\n", B, static_cast<int>(round),
                 error / static_cast<double>(tiles * 256));
  }
  std::vector<std::uint16_t> half(states);
  for (std::size_t s = 0; s < states; ++s) half[s] = to_float16(static_cast<float>(value[s])).bits;
  return half;
}

template <int B>
void print() {
  std::printf("template <>\ninline constexpr std::uint16_t trained_table<%d>[4096] = {\n", B);
  for (const std::uint16_t bits : train<B>()) std::printf("0x%04x,", bits);
  std::printf("};\n\n");
}

}  // namespace

int main() {
  std::printf(R"(// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string>

#include <openquant/core/float16.hpp>

/// Written by bench/quantizer/train_trellis_table.cpp.
namespace openquant::quantizer::code {

/// fp16 values of the 4096 states at B bits a weight.
template <int B>
inline constexpr std::uint16_t trained_table[1] = {};

)");
  print<1>();
  print<2>();
  print<3>();
  print<4>();
  std::printf(
      R"(/// A table for L = 12, trained on a Gaussian source by the generalised Lloyd algorithm, with the
/// code latin to start from.
///
/// Error:   docs/quantizer/trellis.md
/// Memory:  8 KB a rate, fp16
/// Source:  Tseng et al., "QTIP", arXiv 2406.11235, Sec. 3.2 (tables); Linde, Buzo & Gray, IEEE
///          Trans. Commun. 28(1), 1980 (the algorithm)
struct trained {
  static std::string name() { return "trained"; }

  template <int B, int L>
  static float value(std::uint32_t state) {
    static_assert(1 <= B && B <= 4 && L == 12, "trained: 1 to 4 bits and L = 12");
    return to_float(float16{trained_table<B>[state]});
  }
};

}  // namespace openquant::quantizer::code
)");
}
