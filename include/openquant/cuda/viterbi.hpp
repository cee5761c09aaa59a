// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <type_traits>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/buffered_viterbi.hpp>
#include <openquant/cuda/in_place_viterbi.hpp>

namespace openquant::cuda {

/// How a block searches: with two buffers where they fit, up to L = 12, else in place.
template <int B, int L, index_t T>
using block_viterbi = std::conditional_t<buffered_viterbi<B, L, T>::fits, buffered_viterbi<B, L, T>,
                                         in_place_viterbi<B, L, T>>;

/// Words of global memory that each block at work needs; 0 up to L = 12.
template <int B, int L, index_t T>
inline constexpr index_t viterbi_workspace = block_viterbi<B, L, T>::history_words;

/// The search of `quantizer::viterbi<B, L, T>`, a block a sequence: its costs, its order of ties,
/// and so its path, of which the symbols are kept. Block b takes the sequences b, b + blocks, ...
template <int B, int L, index_t T>
struct viterbi_kernel {
  using search = block_viterbi<B, L, T>;
  static constexpr int threads = search::threads, resident = 1;
  using shared = typename search::shared;

  const std::int16_t* value;
  const std::int16_t* x;
  index_t x_stride;
  std::uint8_t* symbols;
  index_t symbols_stride, sequences, blocks;
  std::uint32_t* workspace;
  index_t workspace_stride;

  index_t grid() const { return blocks; }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const auto values = search::load_values(block, memory, value);
    for (index_t i = block.index(); i < sequences; i += blocks) {
      block.run([&](int t) {
        for (index_t k = t; k < T; k += threads) memory.x[k] = x[i * x_stride + k];
      });
      search::closed_path(block, memory, values, value,
                          workspace + block.index() * workspace_stride);
      block.each([&](int t) {
        for (index_t k = t; k < T; k += threads) symbols[i * symbols_stride + k] = memory.symbol[k];
      });
    }
  }
};

/// Blocks for so many sequences: one each, or one a row of the workspace where one is needed.
/// Throws openquant::error where it is not what `viterbi_workspace` says, or has no row.
template <int B, int L, index_t T>
index_t viterbi_blocks(index_t sequences, matrix_view<std::uint32_t, device> workspace) {
  constexpr index_t words = viterbi_workspace<B, L, T>;
  if (words == 0) return sequences;
  if (workspace.cols() != words || (workspace.rows() == 0 && sequences > 0)) {
    fail("cuda: viterbi of ", index_t{1} << L, " states and ", T, " steps with a workspace of (",
         workspace.rows(), ", ", workspace.cols(), "), which has ", words, " words a block");
  }
  return std::min(sequences, workspace.rows());
}

/// The kernel for these sequences. Throws openquant::error where the shapes do not fit.
template <int B, int L, index_t T>
viterbi_kernel<B, L, T> make_viterbi_kernel(matrix_view<const std::int16_t, device> value,
                                            matrix_view<const std::int16_t, device> x,
                                            matrix_view<std::uint8_t, device> symbols,
                                            matrix_view<std::uint32_t, device> workspace = {}) {
  constexpr auto states = static_cast<index_t>(quantizer::viterbi<B, L, T>::states);
  if (value.rows() != 1 || value.cols() != states || x.cols() != T || symbols.cols() != T ||
      x.rows() != symbols.rows()) {
    fail("cuda: viterbi of ", states, " states and ", T, " steps with values (", value.rows(), ", ",
         value.cols(), "), x (", x.rows(), ", ", x.cols(), ") and symbols (", symbols.rows(), ", ",
         symbols.cols(), ")");
  }
  const index_t blocks = viterbi_blocks<B, L, T>(x.rows(), workspace);
  return {value.data(), x.data(), x.stride(),       symbols.data(),    symbols.stride(),
          x.rows(),     blocks,   workspace.data(), workspace.stride()};
}

}  // namespace openquant::cuda
