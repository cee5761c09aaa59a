// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/cuda/backend.hpp>

namespace {

TEST_CASE("cuda::backend: a stream and handles, by default none, without CUDA's headers") {
  using openquant::cuda::backend;
  static_assert(std::is_trivially_copyable_v<backend>);
  CHECK(backend{}.stream == nullptr);
  CHECK(backend{}.cublas == nullptr);
  CHECK(backend{}.cusolver == nullptr);
  CHECK(backend{}.memory == nullptr);
  int place = 0;
  auto* stream = reinterpret_cast<CUstream_st*>(&place);
  auto* blas = reinterpret_cast<cublasContext*>(&place);
  const backend on{.stream = stream, .cublas = blas};
  CHECK(on.stream == stream);
  CHECK(on.cublas == blas);
  CHECK(on.cusolver == nullptr);
}

}  // namespace
