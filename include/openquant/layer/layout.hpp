// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <openquant/layer/packed_codes.hpp>

/// Where the codes lie that `multiply` reads. A layout holds codes and scales and shows them one
/// strip of 16 rows at a time.
namespace openquant::layout {

/// The archive: rows of codes as `quantized` holds and saves them, transcoded anew whenever a strip
/// is asked for. Takes no memory; refers to the codes.
struct rows {
  template <Quantizer Q>
  class codes {
   public:
    codes(const Q& q, const packed_codes& packed, const strip_shape<Q>& shape)
        : q_(&q), packed_(&packed), shape_(shape) {}

    /// What a strip is written to.
    struct workspace {
      aligned_vector<std::int32_t> words;
      aligned_vector<float> scales;
    };
    strip_view<Q> strip(index_t i, workspace& memory) const {
      memory.words.resize(static_cast<std::size_t>(shape_.words()));
      memory.scales.resize(static_cast<std::size_t>(shape_.scales()));
      write_strip(*q_, packed_->codes, packed_->scales, shape_, i, memory.words, memory.scales);
      return {shape_, memory.words.data(), memory.scales.data()};
    }

   private:
    const Q* q_;
    const packed_codes* packed_;
    strip_shape<Q> shape_;
  };
};

/// n rows interleaved, one a lane, transcoded once; n = 16.
///
/// Bits:  those of the archive, each group's codes filled up to whole words; scales as floats
template <index_t n>
struct lanes {
  static_assert(n == 16, "layout::lanes<n>: n is 16");

  template <Quantizer Q>
  class codes {
   public:
    codes(const Q& q, const packed_codes& packed, const strip_shape<Q>& shape)
        : shape_(shape),
          words_(static_cast<std::size_t>(shape.words() * strips(packed))),
          scales_(static_cast<std::size_t>(shape.scales() * strips(packed))) {
      const auto words = static_cast<std::size_t>(shape.words());
      const auto scales = static_cast<std::size_t>(shape.scales());
      for (index_t i = 0; i < strips(packed); ++i) {
        const auto k = static_cast<std::size_t>(i);
        write_strip(q, packed.codes, packed.scales, shape, i,
                    std::span(words_).subspan(k * words, words),
                    std::span(scales_).subspan(k * scales, scales));
      }
    }

    struct workspace {};
    strip_view<Q> strip(index_t i, workspace&) const {
      return {shape_, words_.data() + i * shape_.words(), scales_.data() + i * shape_.scales()};
    }
    /// Bytes of codes and of scales.
    index_t size_bytes() const { return 4 * static_cast<index_t>(words_.size() + scales_.size()); }

   private:
    static index_t strips(const packed_codes& packed) { return (packed.scales.rows() + n - 1) / n; }

    strip_shape<Q> shape_;
    aligned_vector<std::int32_t> words_;
    aligned_vector<float> scales_;
  };
};

}  // namespace openquant::layout
