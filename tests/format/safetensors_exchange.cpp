// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include <openquant/core/error.hpp>
#include <openquant/format/safetensors.hpp>

/// safetensors_exchange FROM TO: reads FROM and writes what it holds to TO. Returns 2, with the
/// reason on the error stream, if FROM is refused. safetensors_reference.py drives it.
int main(int count, char** arguments) {
  if (count != 3) return 1;
  try {
    const openquant::format::safetensors_reader reader(arguments[1]);
    openquant::format::write_safetensors(arguments[2], reader.tensors(), reader.metadata());
    return 0;
  } catch (const openquant::error& reason) {
    std::fprintf(stderr, "%s\n", reason.what());
    return 2;
  }
}
