// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>

#include <openquant/concepts/quantizer.hpp>
#include <openquant/cuda/queue.cuh>

#include "cuda/own_stream.hpp"

namespace openquant::test {

/// *to = f() by one thread of a device.
template <class F, class T>
struct one_thread {
  static constexpr int threads = cuda::warp_size, resident = 1;
  struct shared {};
  F f;
  T* to;
  index_t grid() const { return 1; }
  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared&) const {
    block.each([&](int t) {
      if (t == 0) *to = f();
    });
  }
};

template <class Q>
struct fitted_group {
  Q q;
  vec<float, 32> w, h;
  index_t size;
  OPENQUANT_DEVICE scale_t<Q> operator()() const {
    return q.fit(group_view<float>(&w[0], 1, size, &h[0]));
  }
};
template <class Q>
struct encoded_point {
  Q q;
  point_t<Q> x;
  scale_t<Q> s;
  OPENQUANT_DEVICE code_t<Q> operator()() const { return q.encode(x, s); }
};
template <class Q>
struct decoded_point {
  Q q;
  code_t<Q> c;
  scale_t<Q> s;
  OPENQUANT_DEVICE point_t<Q> operator()() const { return q.decode(c, s); }
};

/// A quantizer of points whose scales, codes and points a thread of a device finds, for the laws
/// of quantizers.
template <PointQuantizer Q>
class device_quantizer : public Q {
 public:
  using Q::decode, Q::encode, Q::fit;

  explicit device_quantizer(const Q& q = {}) : Q(q) {}

  scale_t<Q> fit(const group_view<float>& group) const {
    fitted_group<Q> f{*this, {}, {}, group.size()};
    for (index_t j = 0; j < group.size(); ++j) {
      f.w[j] = group[j];
      f.h[j] = group.weight(j);
    }
    return run(f, there_->scale);
  }
  code_t<Q> encode(const point_t<Q>& x, const scale_t<Q>& s) const {
    return run(encoded_point<Q>{*this, x, s}, there_->code);
  }
  point_t<Q> decode(const code_t<Q>& c, const scale_t<Q>& s) const {
    return run(decoded_point<Q>{*this, c, s}, there_->point);
  }

 private:
  struct results {
    own_stream stream;
    cuda::queue d{stream.backend()};
    cuda::device_matrix<scale_t<Q>> scale = d.template zeros<scale_t<Q>>(1, 1);
    cuda::device_matrix<code_t<Q>> code = d.template zeros<code_t<Q>>(1, 1);
    cuda::device_matrix<point_t<Q>> point = d.template zeros<point_t<Q>>(1, 1);
  };
  template <class F, class T>
  T run(const F& f, cuda::device_matrix<T>& to) const {
    there_->d.run(one_thread<F, T>{f, to.data()}, "quantizer");
    return there_->d.read(to.view())(0, 0);
  }
  std::shared_ptr<results> there_ = std::make_shared<results>();
};

}  // namespace openquant::test
