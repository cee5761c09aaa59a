// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <doctest/doctest.h>
#include <memory>

#include <openquant/concepts/lattice.hpp>
#include <openquant/concepts/quantizer.hpp>
#include <openquant/core/group_view.hpp>
#include <openquant/core/vec.hpp>
#include <openquant/cuda/device_matrix.cuh>
#include <openquant/cuda/queue.cuh>
#include <openquant/quantizer/scale_search.hpp>

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
template <class Q>
struct told_loss {
  Q q;
  point_t<Q> x, h;
  OPENQUANT_DEVICE float operator()() const { return q.loss(x, h); }
};

/// A quantizer of points whose scales, codes and points a thread of a device finds, for the laws
/// of quantizers.
template <PointQuantizer Q>
class device_quantizer : public Q {
 public:
  using Q::decode, Q::encode, Q::fit;

  explicit device_quantizer(const Q& q = {}) : Q(q) {}

  /// Shapes:  up to 32 weights
  scale_t<Q> fit(const group_view<float>& group) const {
    REQUIRE(group.size() <= 32);
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
  float loss(const point_t<Q>& x,
             const point_t<Q>& h) const requires quantizer::tells_loss<Q, float> {
    return run(told_loss<Q>{*this, x, h}, there_->loss);
  }

 private:
  struct results {
    own_stream stream;
    cuda::queue d{stream.backend()};
    cuda::device_matrix<scale_t<Q>> scale = d.template zeros<scale_t<Q>>(1, 1);
    cuda::device_matrix<code_t<Q>> code = d.template zeros<code_t<Q>>(1, 1);
    cuda::device_matrix<point_t<Q>> point = d.template zeros<point_t<Q>>(1, 1);
    cuda::device_matrix<float> loss = d.template zeros<float>(1, 1);
  };
  template <class F, class T>
  T run(const F& f, cuda::device_matrix<T>& to) const {
    there_->d.run(one_thread<F, T>{f, to.data()}, "quantizer");
    return there_->d.read(to.view())(0, 0);
  }
  std::shared_ptr<results> there_ = std::make_shared<results>();
};

template <class L>
struct nearest_point {
  vec<float, L::dim> x;
  OPENQUANT_DEVICE vec<float, L::dim> operator()() const { return L::nearest(x); }
};

/// A lattice whose nearest points a thread of the device finds, for the laws of lattices.
template <Lattice L>
struct device_lattice : L {
  using point_type = vec<float, L::dim>;
  using L::nearest;
  static point_type nearest(const point_type& x) {
    const own_stream stream;
    const cuda::queue d(stream.backend());
    auto to = d.template zeros<point_type>(1, 1);
    d.run(one_thread<nearest_point<L>, point_type>{{x}, to.data()}, "nearest");
    return d.read(to.view())(0, 0);
  }
};

}  // namespace openquant::test
