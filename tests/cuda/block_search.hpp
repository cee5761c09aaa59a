// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <array>
#include <vector>

#include <openquant/core/matrix.hpp>
#include <openquant/core/random.hpp>
#include <openquant/cuda/block.hpp>
#include <openquant/quantizer/viterbi.hpp>

namespace openquant::test {

inline std::int16_t fixed(float a) {
  return static_cast<std::int16_t>(std::clamp(a * 4096.0f, -16384.0f, 16384.0f));
}

/// Rows of targets: normal, further out, all far out, all 0, and two that change often.
template <index_t T>
matrix<std::int16_t> viterbi_targets() {
  matrix<std::int16_t> x(6, T);
  for (index_t t = 0; t < T; ++t) {
    const auto at = static_cast<std::uint64_t>(t);
    x(0, t) = fixed(random::normal(1, at));
    x(1, t) = fixed(2 * random::normal(2, at));
    x(2, t) = 16384;
    x(3, t) = 0;
    x(4, t) = t / 7 % 3 == 0 ? 16384 : -16384;
    x(5, t) = fixed(t % 2 == 0 ? 1.0f : -1.0f);
  }
  return x;
}

/// Values of N(0,1), or two of them with many ties.
inline std::vector<std::int16_t> normal_values(int L) {
  std::vector<std::int16_t> value(std::size_t{1} << L);
  for (std::size_t s = 0; s < value.size(); ++s) value[s] = fixed(random::normal(9, s));
  return value;
}
inline std::vector<std::int16_t> tied_values(int L) {
  std::vector<std::int16_t> value(std::size_t{1} << L);
  for (std::size_t s = 0; s < value.size(); ++s) value[s] = s % 3 == 0 ? 4096 : -4096;
  return value;
}

/// The symbols that the scalar search of the CPU finds for each row of x.
template <int B, int L, index_t T>
matrix<std::uint8_t> scalar_symbols(const std::vector<std::int16_t>& value,
                                    const matrix<std::int16_t>& x) {
  using search = quantizer::viterbi<B, L, T>;
  matrix<std::uint8_t> symbols(x.rows(), T);
  typename search::workspace memory;
  std::array<std::uint32_t, T> path;
  for (index_t i = 0; i < x.rows(); ++i) {
    search::template closed_path<plain16<1>>(
        value.data(), std::span<const std::int16_t, T>(&x(i, 0), T), path, memory);
    for (index_t t = 0; t < T; ++t) {
      symbols(i, t) =
          static_cast<std::uint8_t>(path[static_cast<std::size_t>(t)] % search::branches);
    }
  }
  return symbols;
}

/// A kernel that is one search a block.
template <class Search, index_t T>
struct search_kernel {
  static constexpr int threads = Search::threads, resident = 1;
  using shared = typename Search::shared;
  const std::int16_t* value;
  const std::int16_t* x;
  std::uint8_t* symbols;
  std::uint32_t* history;

  template <class Block>
  void operator()(Block& block, shared& memory) const {
    const index_t row = block.index() * T;
    const auto values = Search::load_values(block, memory, value);
    block.run([&](int t) {
      for (index_t i = t; i < T; i += threads) memory.x[i] = x[row + i];
    });
    Search::closed_path(block, memory, values, value, history);
    block.each([&](int t) {
      for (index_t i = t; i < T; i += threads) symbols[row + i] = memory.symbol[i];
    });
  }
};

/// The symbols that a block finds for each row of x, threads in this order.
template <class Search, index_t T>
matrix<std::uint8_t> block_symbols(const std::vector<std::int16_t>& value,
                                   const matrix<std::int16_t>& x, cuda::thread_order order) {
  matrix<std::uint8_t> symbols(x.rows(), T);
  std::vector<std::uint32_t> history(static_cast<std::size_t>(Search::history_words));
  const search_kernel<Search, T> kernel{value.data(), x.data(), symbols.data(), history.data()};
  cuda::run_on_host(kernel, x.rows(), order);
  return symbols;
}

}  // namespace openquant::test
