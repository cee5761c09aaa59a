// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <doctest/doctest.h>
#include <span>

#include <openquant/cuda/queue.cuh>
#include <openquant/cuda/rotation.hpp>
#include <openquant/cuda/transpose.hpp>
#include <openquant/rotation/block_hadamard.hpp>
#include <openquant/rotation/hadamard.hpp>
#include <openquant/rotation/two_sided.hpp>

#include "cuda/own_stream.hpp"
#include "laws/rotation_laws.hpp"

namespace {

using namespace openquant;

TEST_CASE("cuda::queue: a refused kernel says what it was run for") {
  auto kernel = cuda::make_transpose_kernel(matrix_view<const float, device>(nullptr, 3, 5),
                                            matrix_view<float, device>(nullptr, 5, 3));
  kernel.tiles.rows = kernel.tiles.cols = index_t{1} << 24;  // more blocks than any device takes
  CHECK_THROWS_WITH_AS(cuda::queue(cuda::backend{}, " of w (3, 5)").run(kernel, "transpose"),
                       doctest::Contains("cuda: transpose of w (3, 5): "), error);
}

/// A bound rotation whose vectors the device turns.
class device_bound {
 public:
  template <cuda::SignSandwich B>
  explicit device_bound(const B& b) : turn_(cuda::queue(stream_.backend()), b) {}

  void apply(std::span<float> x) const {
    turned(x, [&](const cuda::queue& d, const auto& y) {
      turn_.apply(d, cuda::device_view<const float>(y), y);
    });
  }
  void apply_inverse(std::span<float> x) const {
    turned(x, [&](const cuda::queue& d, const auto& y) {
      turn_.apply_transposed(d, cuda::device_view<const float>(y), y);
    });
  }

 private:
  template <class Turn>
  void turned(std::span<float> x, const Turn& turn) const {
    const cuda::queue d(stream_.backend());
    auto there = d.zeros<float>(1, std::ssize(x));
    d.write<float>(matrix_view<const float>(x.data(), 1, std::ssize(x)), there.view());
    turn(d, there.view());
    std::ranges::copy(d.read(there.view()).row(0), x.begin());
  }
  test::own_stream stream_;
  cuda::device_rotation<cuda::queue> turn_;
};

/// A rotation of inputs, and one of outputs, on the device, for the laws of rotations.
template <cuda::DeviceRotation R>
struct on_device : R {
  device_bound bind(index_t n) const { return device_bound(R::bind(n)); }
};
template <cuda::DeviceRotation R>
struct outputs_on_device : R {
  device_bound bind(index_t m) const { return device_bound(R::bind_outputs(m)); }
};

TEST_SUITE("device") {
  TEST_CASE("cuda::queue: rotations keep the laws of rotations") {
    using rotation::block_hadamard, rotation::hadamard;
    for (const index_t n : {2, 4, 12, 64, 96, 256, 768, 1376, 4096, 16384}) {
      laws::check_rotation_laws(on_device<hadamard>{hadamard{.seed = 7}}, n);
    }
    laws::check_rotation_laws(on_device<block_hadamard<64>>{block_hadamard<64>{.seed = 7}}, 704);
    using two_hadamards = rotation::two_sided<hadamard>;
    const two_hadamards both{.input = {.seed = 7}, .output = {.seed = 8}};
    laws::check_rotation_laws(on_device<two_hadamards>{both}, 96);
    laws::check_rotation_laws(outputs_on_device<two_hadamards>{both}, 80);
  }

  TEST_CASE("cuda::queue: memory, copies both ways and a kernel, in the order of the stream") {
    const test::own_stream stream;
    const cuda::queue d(stream.backend());
    CHECK(d.on().stream == stream.backend().stream);
    CHECK(d.zeros<float>(0, 5).data() == nullptr);
    matrix<float> a(2, 3), turned(3, 2);
    for (index_t i = 0; i < 2; ++i) {
      for (index_t j = 0; j < 3; ++j) a(i, j) = turned(j, i) = static_cast<float>(3 * i + j);
    }
    auto there = d.zeros<float>(2, 3), wide = d.zeros<float>(3, 5), copy = d.zeros<float>(3, 2);
    CHECK(d.read(there.view()) == matrix<float>(2, 3));
    d.write<float>(a.view(), there.view());
    a(0, 0) = 9;  // write has waited
    d.run(cuda::make_transpose_kernel(std::as_const(there).view(), wide.view().block(0, 1, 3, 2)),
          "transpose");
    d.copy(std::as_const(wide).view().block(0, 1, 3, 2), copy.view());
    CHECK(d.read(copy.view()) == turned);
    const matrix<float> found = d.read(wide.view());
    CHECK(found(2, 0) == 0);
    CHECK(found(2, 3) == 0);
  }
}

}  // namespace
