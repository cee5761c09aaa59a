// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

#include <openquant/cuda/device_codes.cuh>
#include <openquant/cuda/multiplier.hpp>
#include <openquant/cuda/queue.cuh>
#include <openquant/layer/quantized.hpp>

namespace openquant::cuda {

/// A quantized matrix on a device, made ready for many products in the original basis: its codes in
/// strips, and the transforms. It does not refer to what it was made of.
///
/// Memory:  that of `device_codes`, and 8 n bytes of a rotation's factors, 4 n of an equalizer's
///          alone; 8 m more for a rotation of the outputs
template <DeviceQuantizer Q, DeviceRotation R>
class multiplier {
 public:
  /// Waits for the stream. Throws openquant::error where the rotation is of an order that no kernel
  /// has, and cuda::error where CUDA refuses.
  template <Equalizer E>
  multiplier(const backend& on, const quantized<Q, R, E>& q)
      : about_(" (" + to_text(q.rows()) + ", " + to_text(q.cols()) + ")"),
        transforms_(on_queue(on), q.inputs(), q.outputs()),
        codes_(on, q.quantizer(), q.packed().codes, q.packed().scales,
               strip_shape<Q>{q.cols(), q.group_size()}, q.unit()) {}

  index_t rows() const { return codes_.view().rows; }
  index_t cols() const { return codes_.view().shape.cols; }
  codes_view<Q> codes() const { return codes_.view(); }

  /// Whether products need the scratch: there is a rotation, or an equalizer that scales.
  bool changes_inputs() const { return transforms_.changes_inputs(); }

  /// y = x W_hat^T on the stream. Kernels alone: no memory is asked for, and nothing waits, so a
  /// graph can capture it. The x of the basis of the codes goes to `scratch`, which may be x
  /// itself, and is not touched where `changes_inputs` is false. Meant for up to 8 tokens: every 8
  /// read the codes anew.
  ///
  /// Shapes:  x, scratch : (tokens, n), y : (tokens, m), y apart from both
  /// Errors:  openquant::error for shapes, before anything is launched; cuda::error
  template <Storage X, Storage Y, Storage S = X>
  void multiply(const backend& on, device_view<const X> x, device_view<S> scratch,
                device_view<Y> y) const {
    multiply_by(on_queue(on), transforms_, codes(), x, scratch, y);
  }

  /// The steps of `multiply` beside the product, for a product of one's own: to <- x in the basis
  /// of the codes, and y <- y in the original one, in place.
  ///
  /// Shapes:  x, to : (tokens, n), which may be the same; y : (tokens, m)
  template <Storage X, Storage To>
  void input_to(const backend& on, device_view<const X> x, device_view<To> to) const {
    transforms_.input_to(on_queue(on), x, to);
  }
  template <Storage Y>
  void output_from(const backend& on, device_view<Y> y) const {
    transforms_.output_from(on_queue(on), y);
  }

  /// w <- W_hat in the original basis, on the stream. For a rotation of the outputs it takes m n
  /// floats of memory, in stream order.
  ///
  /// Shapes:  w : (m, n)
  /// Errors:  openquant::error for shapes, cuda::error
  void dequantize(const backend& on, device_view<float> w) const {
    dequantize_by(on_queue(on), transforms_, codes(), w);
  }

 private:
  queue on_queue(const backend& on) const { return queue(on, about_); }

  std::string about_;  // " (m, n)", for errors: mostly short enough to be copied without memory
  device_transforms<queue, R> transforms_;
  device_codes<Q> codes_;
};

}  // namespace openquant::cuda
