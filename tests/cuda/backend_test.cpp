// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/cuda/backend.hpp>

namespace {

TEST_CASE("cuda::backend: a stream, by default CUDA's default one, without CUDA's headers") {
  using openquant::cuda::backend;
  static_assert(std::is_trivially_copyable_v<backend>);
  CHECK(backend{}.stream == nullptr);
  int place = 0;
  auto* stream = reinterpret_cast<CUstream_st*>(&place);
  CHECK(backend{.stream = stream}.stream == stream);
}

}  // namespace
