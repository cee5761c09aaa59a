// SPDX-License-Identifier: Apache-2.0
// A stranger's program: quantizes one random layer and looks at what came out.
#include <cmath>
#include <cstdio>

#include <openquant/openquant.hpp>

namespace oq = openquant;

int main() {
  const oq::index_t m = 32, n = 128, tokens = 256;
  oq::matrix<float> w(m, n), x(tokens, n);
  for (oq::index_t i = 0; i < m * n; ++i) w.data()[i] = oq::random::normal(1, std::uint64_t(i));
  for (oq::index_t i = 0; i < tokens * n; ++i)
    x.data()[i] = oq::random::normal(2, std::uint64_t(i));
  oq::hessian h(n);
  h.add(x);

  auto method = oq::gptq<oq::quantizer::uniform<4>, oq::rotation::hadamard>{};
  const auto q = method.quantize(w, h);

  const oq::matrix<float> w_hat = q.dequantize();
  double error = 0, whole = 0;
  for (oq::index_t i = 0; i < m; ++i) {
    for (oq::index_t j = 0; j < n; ++j) {
      error += std::pow(w_hat(i, j) - w(i, j), 2);
      whole += std::pow(w(i, j), 2);
    }
  }
  std::printf("%g bits a weight, relative error %g\n", q.bits_per_weight(), error / whole);
  return q.bits_per_weight() > 4 && error > 0 && error < 0.02 * whole ? 0 : 1;
}
