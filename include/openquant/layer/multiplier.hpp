// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include <openquant/core/error.hpp>
#include <openquant/layer/basis.hpp>
#include <openquant/layer/multiply_q8.hpp>

namespace openquant {

/// y = x W_hat^T in the original basis: x is copied, divided by the equalizer's scales, rotated,
/// and multiplied by product(x', y'), which is in the basis of the codes; y is rotated back where R
/// has an output side. `name` is for errors.
///
/// Shapes:  W : (rows, cols), x : (tokens, cols), y : (tokens, rows); throws openquant::error
///          otherwise
template <Rotation R, class Product>
void multiply_layer(const char* name, index_t rows, index_t cols, const basis<R>& in,
                    const output_basis<R>& out, matrix_view<const float> x, matrix_view<float> y,
                    const Product& product) {
  if (x.cols() != cols || y.cols() != rows || x.rows() != y.rows()) {
    fail(name, ": x is (", x.rows(), ", ", x.cols(), "), y is (", y.rows(), ", ", y.cols(),
         "), W is (", rows, ", ", cols, ")");
  }
  matrix<float> input(x);
  for (index_t t = 0; t < input.rows(); ++t) in.input_to(input.row(t));
  product(matrix_view<const float>(input), y);
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
    multiply_layer("multiplier.multiply", rows(), cols(), in_, out_, x, y,
                   [&](matrix_view<const float> a, matrix_view<float> b) {
                     multiply_codes<Arch>(q_, codes_, shape_, a, unit_, b, executor);
                   });
  }

  /// The same with x, brought into the basis of the codes, in 8 bits, and dot products of integers.
  /// An output (t, i) is off by at most sum_j |W'_ij| a_j / 2, with W' the weights in that basis
  /// and a_j the largest magnitude over 127 of the 32 activations that j is among.
  ///
  /// Shapes:  x : (tokens, n), finite; y : (tokens, m); throws openquant::error otherwise
  template <class Arch = default_arch, Executor X = serial>
  void multiply_q8(matrix_view<const float> x, matrix_view<float> y,
                   X&& executor = {}) const requires IntegerQuantizer<Q> {
    multiply_layer("multiplier.multiply_q8", rows(), cols(), in_, out_, x, y,
                   [&](matrix_view<const float> a, matrix_view<float> b) {
                     multiply_codes_q8<Arch>(codes_, shape_, a, unit_, b, executor);
                   });
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
