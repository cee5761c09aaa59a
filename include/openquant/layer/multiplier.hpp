// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <openquant/core/error.hpp>
#include <openquant/layer/basis.hpp>
#include <openquant/layer/multiply.hpp>

namespace openquant {

/// y = x W_hat^T in the original basis: x is copied, divided by the equalizer's scales, rotated, and
/// multiplied; y is rotated back where R has an output side. `name` is for errors.
///
/// Shapes:  x : (tokens, n), y : (tokens, m); throws openquant::error otherwise
template <class Arch, Quantizer Q, Rotation R, class Codes, Executor X>
void multiply_layer(const char* name, const Q& q, const Codes& codes, const strip_shape<Q>& shape,
                    index_t rows, const basis<R>& in, const output_basis<R>& out, float unit,
                    matrix_view<const float> x, matrix_view<float> y, X&& executor) {
  if (x.cols() != shape.cols || y.cols() != rows || x.rows() != y.rows()) {
    fail(name, ": x is (", x.rows(), ", ", x.cols(), "), y is (", y.rows(), ", ", y.cols(),
         "), W is (", rows, ", ", shape.cols, ")");
  }
  matrix<float> input(x);
  for (index_t t = 0; t < input.rows(); ++t) in.input_to(input.row(t));
  multiply_codes<Arch>(q, codes, shape, input, unit, y, executor);
  for (index_t t = 0; t < y.rows(); ++t) out.output_from(y.row(t));
}

/// A quantized matrix made ready for many products: its codes in another layout, beside copies of
/// the quantizer and of the transforms. `quantized::prepare` makes it; it does not refer to what it
/// was made of.
///
/// Cost:  one pass over the codes to make; memory for a second copy of them. A product reads each
///        code once for up to 8 tokens, once for 64 tokens beyond
template <Quantizer Q, Rotation R, class Layout = layout::lanes<16>>
class multiplier {
 public:
  multiplier(const Q& q, const packed_codes& packed, const strip_shape<Q>& shape, basis<R> in,
             output_basis<R> out, float unit)
      : q_(q),
        in_(std::move(in)),
        out_(std::move(out)),
        unit_(unit),
        rows_(packed.scales.rows()),
        shape_(shape),
        codes_(q, packed, shape) {}

  index_t rows() const { return rows_; }
  index_t cols() const { return shape_.cols; }
  const auto& codes() const { return codes_; }

  /// y = x W_hat^T, as `quantized::multiply` gives it.
  ///
  /// Shapes:  x : (tokens, n), y : (tokens, m); throws openquant::error otherwise
  template <class Arch = default_arch, Executor X = serial>
  void multiply(matrix_view<const float> x, matrix_view<float> y, X&& executor = {}) const {
    multiply_layer<Arch>("multiplier.multiply", q_, codes_, shape_, rows_, in_, out_, unit_, x, y,
                         executor);
  }

 private:
  Q q_;
  basis<R> in_;
  output_basis<R> out_;
  float unit_;
  index_t rows_;
  strip_shape<Q> shape_;
  typename Layout::template codes<Q> codes_;
};

}  // namespace openquant
