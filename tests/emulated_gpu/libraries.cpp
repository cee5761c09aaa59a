// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "emulated_gpu/cusolverDn.h"

struct cublasContext {
  cudaStream_t stream = nullptr;
  cublasMath_t math = CUBLAS_DEFAULT_MATH;
  cublasPointerMode_t scalars = CUBLAS_POINTER_MODE_HOST;
};
struct cusolverDnContext {
  cudaStream_t stream = nullptr;
};
struct cusolverDnParams {};

const char* cublasGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
      return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
  }
  return "<unknown>";
}

cublasStatus_t cublasCreate(cublasHandle_t* handle) {
  if (!emulated_gpu::present()) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasContext;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy(cublasHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t* stream) {
  *stream = handle->stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t math) {
  handle->math = math;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetMathMode(cublasHandle_t handle, cublasMath_t* math) {
  *math = handle->math;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t scalars) {
  handle->scalars = scalars;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetPointerMode(cublasHandle_t handle, cublasPointerMode_t* scalars) {
  *scalars = handle->scalars;
  return CUBLAS_STATUS_SUCCESS;
}

namespace {

/// (i, j) of op(A) is at a[i * row + j * col].
struct operand {
  const float* a;
  std::ptrdiff_t row, col;

  operand(cublasOperation_t op, const float* first, int stride)
      : a(first), row(op == CUBLAS_OP_N ? 1 : stride), col(op == CUBLAS_OP_N ? stride : 1) {}
  float operator()(int i, int j) const { return a[i * row + j * col]; }
};

/// One element of C, its products summed from the last to the first.
void update(float& c, const operand& a, const operand& b, int i, int j, int k, float alpha,
            float beta) {
  float sum = 0;
  for (int t = k; t-- > 0;) sum += a(i, t) * b(t, j);
  c = beta == 0 ? alpha * sum : alpha * sum + beta * c;
}

/// A handle whose scalars lie where the library has them, and whose products are not in tf32.
bool usable(cublasHandle_t handle) {
  return handle->scalars == CUBLAS_POINTER_MODE_HOST && handle->math == CUBLAS_DEFAULT_MATH;
}

}  // namespace

cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                           int m, int n, int k, const float* alpha, const float* a, int a_stride,
                           const float* b, int b_stride, const float* beta, float* c,
                           int c_stride) {
  const int a_rows = op_a == CUBLAS_OP_N ? m : k, b_rows = op_b == CUBLAS_OP_N ? k : n;
  if (!usable(handle) || m < 0 || n < 0 || k < 0 || a_stride < std::max(1, a_rows) ||
      b_stride < std::max(1, b_rows) || c_stride < std::max(1, m)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  emulated_gpu::enqueue(handle->stream, [=, by = *alpha, old = *beta] {
    const operand left(op_a, a, a_stride), right(op_b, b, b_stride);
    for (int j = 0; j < n; ++j) {
      for (int i = 0; i < m; ++i) {
        update(c[i + std::ptrdiff_t{j} * c_stride], left, right, i, j, k, by, old);
      }
    }
    return true;
  });
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSsyrk(cublasHandle_t handle, cublasFillMode_t fill, cublasOperation_t op,
                           int n, int k, const float* alpha, const float* a, int a_stride,
                           const float* beta, float* c, int c_stride) {
  const int a_rows = op == CUBLAS_OP_N ? n : k;
  if (!usable(handle) || n < 0 || k < 0 || a_stride < std::max(1, a_rows) ||
      c_stride < std::max(1, n)) {
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  emulated_gpu::enqueue(handle->stream, [=, by = *alpha, old = *beta] {
    const operand left(op, a, a_stride);
    const operand right(op == CUBLAS_OP_N ? CUBLAS_OP_T : CUBLAS_OP_N, a, a_stride);
    for (int j = 0; j < n; ++j) {
      const bool upper = fill == CUBLAS_FILL_MODE_UPPER;
      for (int i = upper ? 0 : j; i < (upper ? j + 1 : n); ++i) {
        update(c[i + std::ptrdiff_t{j} * c_stride], left, right, i, j, k, by, old);
      }
    }
    return true;
  });
  return CUBLAS_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  if (!emulated_gpu::present()) return CUSOLVER_STATUS_NOT_INITIALIZED;
  *handle = new cusolverDnContext;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
  delete handle;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
  handle->stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnGetStream(cusolverDnHandle_t handle, cudaStream_t* stream) {
  *stream = handle->stream;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* params) {
  *params = new cusolverDnParams;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params) {
  delete params;
  return CUSOLVER_STATUS_SUCCESS;
}

namespace {

constexpr std::size_t device_workspace = 40, host_workspace = 24;

/// The upper triangle of A <- R, A = R^T R. A pivot that is NaN is not noticed.
int cholesky(float* a, std::int64_t n, std::int64_t stride) {
  const auto at = [&](std::int64_t i, std::int64_t j) -> float& { return a[i + j * stride]; };
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i <= j; ++i) {
      float sum = at(i, j);
      for (std::int64_t t = 0; t < i; ++t) sum -= at(t, i) * at(t, j);
      if (i < j) {
        at(i, j) = sum / at(i, i);
      } else if (sum <= 0) {
        return static_cast<int>(j + 1);
      } else {
        at(j, j) = std::sqrt(sum);
      }
    }
  }
  return 0;
}

}  // namespace

cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t, cusolverDnParams_t,
                                             cublasFillMode_t fill, std::int64_t n, cudaDataType,
                                             const void*, std::int64_t stride, cudaDataType,
                                             std::size_t* device_bytes, std::size_t* host_bytes) {
  if (fill != CUBLAS_FILL_MODE_UPPER || n < 1 || stride < n) return CUSOLVER_STATUS_INVALID_VALUE;
  *device_bytes = device_workspace;
  *host_bytes = host_workspace;
  return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t handle, cusolverDnParams_t,
                                  cublasFillMode_t fill, std::int64_t n, cudaDataType, void* a,
                                  std::int64_t stride, cudaDataType, void* device_memory,
                                  std::size_t device_bytes, void* host_memory,
                                  std::size_t host_bytes, int* info) {
  if (fill != CUBLAS_FILL_MODE_UPPER || n < 1 || stride < n || device_bytes < device_workspace ||
      host_bytes < host_workspace) {
    return CUSOLVER_STATUS_INVALID_VALUE;
  }
  std::memset(host_memory, 0xff, host_workspace);
  emulated_gpu::enqueue(handle->stream, [=] {
    std::memset(device_memory, 0xff, device_workspace);
    *info = cholesky(static_cast<float*>(a), n, stride);
    return true;
  });
  return CUSOLVER_STATUS_SUCCESS;
}
