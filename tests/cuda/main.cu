// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>
#include <cstring>
#include <cuda_runtime_api.h>
#include <doctest/doctest.h>

/// `--device` runs the suite "device", and returns 77 where there is none; else all other tests
/// run.
int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  if (argc > 1 && std::strcmp(argv[1], "--device") == 0) {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess || devices == 0) {
      std::printf("skipped: no CUDA device (%s)\n", cudaGetErrorString(status));
      return 77;
    }
    context.addFilter("test-suite", "device");
  } else {
    context.addFilter("test-suite-exclude", "device");
  }
  return context.run();
}
