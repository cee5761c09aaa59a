// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <type_traits>

#include <openquant/cuda/handles.cuh>

namespace {

using namespace openquant;
using cuda::backend, cuda::cublas_handle, cuda::cusolver_handle;

static_assert(!std::is_copy_constructible_v<cublas_handle> &&
              !std::is_copy_assignable_v<cublas_handle> &&
              !std::is_copy_constructible_v<cusolver_handle> &&
              !std::is_copy_assignable_v<cusolver_handle>);
static_assert(std::is_same_v<cublasHandle_t, cublasContext*> &&
              std::is_same_v<cusolverDnHandle_t, cusolverDnContext*>);

TEST_CASE("cuda::handles: without a device there is none, and that is said") {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0) return;
  CHECK_THROWS_WITH_AS(cublas_handle(backend{}),
                       "cuda: cublasCreate: CUBLAS_STATUS_NOT_INITIALIZED", cuda::error);
  CHECK_THROWS_AS(cusolver_handle(backend{}), cuda::error);
}

TEST_SUITE("device") {
  TEST_CASE("cuda::cublas_handle: the stream, binary32, and the caller's settings afterwards") {
    cudaStream_t ours = nullptr, theirs = nullptr;
    cuda::check(cudaStreamCreate(&ours), "cudaStreamCreate");
    cuda::check(cudaStreamCreate(&theirs), "cudaStreamCreate");
    cublasHandle_t given = nullptr;
    cuda::check(cublasCreate(&given), "cublasCreate");
    cuda::check(cublasSetStream(given, theirs), "cublasSetStream");
    cuda::check(cublasSetMathMode(given, CUBLAS_TF32_TENSOR_OP_MATH), "cublasSetMathMode");
    cuda::check(cublasSetPointerMode(given, CUBLAS_POINTER_MODE_DEVICE), "cublasSetPointerMode");
    const auto check_settings = [](cublasHandle_t handle, cudaStream_t stream, cublasMath_t math,
                                   cublasPointerMode_t scalars) {
      cudaStream_t its_stream = nullptr;
      cublasMath_t its_math = CUBLAS_PEDANTIC_MATH;
      cublasPointerMode_t its_scalars = CUBLAS_POINTER_MODE_HOST;
      cuda::check(cublasGetStream(handle, &its_stream), "cublasGetStream");
      cuda::check(cublasGetMathMode(handle, &its_math), "cublasGetMathMode");
      cuda::check(cublasGetPointerMode(handle, &its_scalars), "cublasGetPointerMode");
      CHECK(its_stream == stream);
      CHECK(its_math == math);
      CHECK(its_scalars == scalars);
    };
    {
      const cublas_handle handle(backend{.stream = ours, .cublas = given});
      CHECK(handle.get() == given);
      check_settings(given, ours, CUBLAS_DEFAULT_MATH, CUBLAS_POINTER_MODE_HOST);
    }
    check_settings(given, theirs, CUBLAS_TF32_TENSOR_OP_MATH, CUBLAS_POINTER_MODE_DEVICE);
    {
      const cublas_handle handle(backend{.stream = ours});
      CHECK(handle.get() != given);
      check_settings(handle.get(), ours, CUBLAS_DEFAULT_MATH, CUBLAS_POINTER_MODE_HOST);
    }
    cuda::check(cublasDestroy(given), "cublasDestroy");
    cuda::check(cudaStreamDestroy(ours), "cudaStreamDestroy");
    cuda::check(cudaStreamDestroy(theirs), "cudaStreamDestroy");
  }

  TEST_CASE("cuda::cusolver_handle: the stream, and the caller's afterwards") {
    cudaStream_t ours = nullptr, its = nullptr;
    cuda::check(cudaStreamCreate(&ours), "cudaStreamCreate");
    cusolverDnHandle_t given = nullptr;
    cuda::check(cusolverDnCreate(&given), "cusolverDnCreate");
    {
      const cusolver_handle handle(backend{.stream = ours, .cusolver = given});
      CHECK(handle.get() == given);
      cuda::check(cusolverDnGetStream(given, &its), "cusolverDnGetStream");
      CHECK(its == ours);
    }
    cuda::check(cusolverDnGetStream(given, &its), "cusolverDnGetStream");
    CHECK(its == nullptr);
    cuda::check(cusolverDnDestroy(given), "cusolverDnDestroy");
    {
      const cusolver_handle handle(backend{.stream = ours});
      cuda::check(cusolverDnGetStream(handle.get(), &its), "cusolverDnGetStream");
      CHECK(its == ours);
    }
    cuda::check(cudaStreamDestroy(ours), "cudaStreamDestroy");
  }
}

}  // namespace
