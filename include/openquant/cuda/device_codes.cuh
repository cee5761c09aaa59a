// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <openquant/core/bit_pack.hpp>
#include <openquant/cuda/codes.hpp>
#include <openquant/cuda/device_matrix.cuh>

namespace openquant::cuda {

/// Codes and scales in device memory, with the table that their quantizer decodes from.
///
/// Bits:  those of `layout::lanes<16>`
template <DeviceQuantizer Q>
class device_codes {
 public:
  /// Brings packed codes and scales, as `quantized` holds them, into strips and these to the
  /// device. Waits for the stream, since the strips are written to pageable memory of its own; done
  /// once, when weights are loaded. Throws error where CUDA refuses.
  device_codes(const backend& on, const Q& q, const bit_matrix& codes, const bit_matrix& scales,
               const strip_shape<Q>& shape, float unit)
      : q_(q),
        shape_(shape),
        rows_(scales.rows()),
        unit_(unit),
        words_(on, (rows_ + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows, shape.words()),
        scales_(on, words_.rows(), shape.scales()) {
    matrix<std::int32_t> words(words_.rows(), words_.cols());
    matrix<float> scale(scales_.rows(), scales_.cols());
    for (index_t i = 0; i < words.rows(); ++i) {
      write_strip(q, codes, scales, shape, i, words.row(i), scale.row(i));
    }
    copy(on, words.view(), words_.view());
    copy(on, scale.view(), scales_.view());
    load_table(on);
    check(cudaStreamSynchronize(on.stream), "cudaStreamSynchronize", " after copying (", rows_,
          ", ", shape.cols, ") codes");
  }

  /// Memory for the codes of `rows` rows that kernels are to write, at first zero, and the table.
  device_codes(const backend& on, const Q& q, index_t rows, const strip_shape<Q>& shape, float unit)
      : q_(q),
        shape_(shape),
        rows_(rows),
        unit_(unit),
        words_(on, (rows_ + strip_shape<Q>::rows - 1) / strip_shape<Q>::rows, shape.words()),
        scales_(on, words_.rows(), shape.scales()) {
    const auto clear = [&](auto& a) {
      check(cudaMemsetAsync(a.data(), 0, a.size_bytes(), on.stream), "cudaMemsetAsync", " of (",
            rows_, ", ", shape.cols, ") codes");
    };
    clear(words_);
    clear(scales_);
    load_table(on);
  }

  /// Strips one a row, for kernels that write them.
  device_view<std::int32_t> words() { return words_.view(); }
  device_view<float> scales() { return scales_.view(); }

  codes_view<Q> view() const {
    return {q_, shape_, rows_, words_.data(), scales_.data(), table_.data(), unit_};
  }

 private:
  void load_table(const backend& on) {
    if constexpr (table_size<Q> != 0) {
      table_ = device_matrix<table_entry<Q>>(on, 1, table_size<Q>);
      copy(on, matrix_view<const table_entry<Q>>(Q::table().data(), 1, table_size<Q>),
           table_.view());
    }
  }

  Q q_;
  strip_shape<Q> shape_;
  index_t rows_;
  float unit_;
  device_matrix<table_entry<Q>> table_;
  device_matrix<std::int32_t> words_;
  device_matrix<float> scales_;
};

}  // namespace openquant::cuda
