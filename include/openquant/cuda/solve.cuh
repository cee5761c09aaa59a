// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <optional>
#include <string>
#include <utility>

#include <openquant/cuda/blas.cuh>
#include <openquant/cuda/queue.cuh>
#include <openquant/cuda/solve.hpp>
#include <openquant/cuda/udu.cuh>

namespace openquant::cuda {

/// What `solve` and `gptq.hpp` ask of a device, on the stream of a backend, by cuBLAS in binary32.
///
/// Errors:  those of `queue`; cuda::error where cuBLAS refuses
class solver : public queue {
 public:
  explicit solver(const backend& on, std::string about = {}) : queue(on, std::move(about)) {}

  template <linalg::op A, linalg::op B>
  void multiply_add(device_view<const float> a, device_view<const float> b, float beta,
                    device_view<float> c) const {
    if (!blas_) blas_.emplace(on());
    cuda::multiply_add<A, B>(*blas_, 1.0f, a, b, beta, c);
  }
  std::optional<index_t> factor_udu(device_view<const float> h, double damping, index_t block,
                                    device_view<float> u) const {
    return cuda::factor_udu(on(), h, damping, block, u);
  }

 private:
  mutable std::optional<cublas_handle> blas_;  // from the first product on
};

/// What a search of tiles needs, on the device; nothing for points.
template <DeviceQuantizer Q>
class tile_tables {
 public:
  explicit tile_tables(const solver&) {}
  static index_t bytes() { return 0; }
  tile_memory<Q> view() { return {}; }
};
/// Values, the table of the decoder, and a workspace for a block on every multiprocessor.
template <TrellisQuantizer Q>
class tile_tables<Q> {
 public:
  explicit tile_tables(const solver& d) : value_(d.on(), 1, std::ssize(Q::search_values())) {
    if (encode_tiles_workspace<Q> != 0) {
      workspace_ =
          device_matrix<std::uint32_t>(d.on(), multiprocessors(), encode_tiles_workspace<Q>);
    }
    cuda::copy(d.on(), matrix_view<const std::int16_t>(Q::search_values().data(), 1, value_.cols()),
               value_.view());
    if constexpr (table_size<Q> != 0) {
      table_ = device_matrix<table_entry<Q>>(d.on(), 1, table_size<Q>);
      cuda::copy(d.on(), matrix_view<const table_entry<Q>>(Q::table().data(), 1, table_size<Q>),
                 table_.view());
    }
  }
  /// What they take on the current device.
  static index_t bytes() {
    const auto table = table_size<Q> * static_cast<index_t>(sizeof(table_entry<Q>));
    const index_t workspace =
        encode_tiles_workspace<Q> == 0 ? 0 : 4 * multiprocessors() * encode_tiles_workspace<Q>;
    return 2 * std::ssize(Q::search_values()) + table + workspace;
  }
  tile_memory<Q> view() { return {value_.view(), workspace_.view(), table_.data()}; }

 private:
  static index_t multiprocessors() {
    int current = 0, count = 0;
    check(cudaGetDevice(&current), "cudaGetDevice");
    check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, current),
          "cudaDeviceGetAttribute");
    return count;
  }

  device_matrix<std::int16_t> value_;
  device_matrix<std::uint32_t> workspace_;
  device_matrix<table_entry<Q>> table_;
};

}  // namespace openquant::cuda
