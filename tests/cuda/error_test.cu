// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <openquant/cuda/error.cuh>

namespace {

namespace cuda = openquant::cuda;

TEST_CASE("cuda::check: success says nothing") {
  cuda::check(cudaSuccess, "cudaMalloc");
  cuda::check(CUBLAS_STATUS_SUCCESS, "cublasSgemm");
  cuda::check(CUSOLVER_STATUS_SUCCESS, "cusolverDnXpotrf");
}

TEST_CASE("cuda::check: a failure names the call, its shape and the status") {
  CHECK_THROWS_WITH_AS(cuda::check(cudaErrorMemoryAllocation, "cudaMalloc", " of ", 12, " bytes"),
                       "cuda: cudaMalloc of 12 bytes: cudaErrorMemoryAllocation, out of memory",
                       cuda::error);
  CHECK_THROWS_WITH_AS(cuda::check(CUBLAS_STATUS_INVALID_VALUE, "cublasSgemm", " (", 3, ", 4)"),
                       "cuda: cublasSgemm (3, 4): CUBLAS_STATUS_INVALID_VALUE", cuda::error);
  CHECK_THROWS_WITH_AS(cuda::check(CUSOLVER_STATUS_INTERNAL_ERROR, "cusolverDnXpotrf"),
                       "cuda: cusolverDnXpotrf: CUSOLVER_STATUS_INTERNAL_ERROR", cuda::error);
  CHECK_THROWS_WITH_AS(cuda::check(static_cast<cusolverStatus_t>(99), "f"), "cuda: f: status 99",
                       openquant::error);
}

TEST_CASE("cuda::check: the number is kept") {
  try {
    cuda::check(cudaErrorInvalidValue, "cudaMemcpy");
    FAIL("no error");
  } catch (const cuda::error& e) {
    CHECK(e.code == static_cast<int>(cudaErrorInvalidValue));
  }
}

}  // namespace
