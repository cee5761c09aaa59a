// SPDX-License-Identifier: Apache-2.0
// A method is a type: quantizer, rotation and equalizer compose at compile time.
#include <cassert>
#include <cmath>
#include <iostream>
#include <sstream>

#include <openquant/openquant.hpp>

namespace oq = openquant;

namespace {

/// Inputs with a few strong channels, as language models have them: (tokens, n).
oq::matrix<float> inputs(oq::index_t tokens, oq::index_t n) {
  oq::matrix<float> x(tokens, n);
  for (oq::index_t t = 0; t < tokens; ++t) {
    for (oq::index_t j = 0; j < n; ++j) {
      const auto i = static_cast<std::uint64_t>(t * n + j);
      x(t, j) = oq::random::normal(1, i) * (j % 16 == 0 ? 8.0f : 1.0f);
    }
  }
  return x;
}

oq::matrix<float> weights(oq::index_t m, oq::index_t n) {
  oq::matrix<float> w(m, n);
  for (oq::index_t i = 0; i < m * n; ++i) {
    w.data()[i] = 0.02f * oq::random::normal(2, static_cast<std::uint64_t>(i));
  }
  return w;
}

}  // namespace

int main() {
  const auto x = inputs(1024, 256);
  const auto w = weights(128, 256);
  oq::matrix<float> y(1024, 128);

  // snippet: compose
  oq::hessian h(256);  // second moments of the layer's inputs
  h.add(x);            // x: (tokens, 256), any number of calls
  auto method =
      oq::gptq<oq::quantizer::uniform<4>, oq::rotation::hadamard, oq::equalizer::smoothquant>{
          .quantizer = {.symmetric = false},
          .rotation = {.seed = 7},
          .equalizer = {.alpha = 0.15f},
          .options = {.group_size = 128, .damping = 0.01f}};
  auto q = method.quantize(w, h);  // w: (128, 256)
  std::cout << q.bits_per_weight() << " bits a weight, every stored bit counted\n";
  std::cout << q.report() << '\n';
  q.multiply(x, y);  // y = x W^T from the packed codes
  std::stringstream file;
  q.save(file);
  auto again = oq::load<decltype(q)>(file);
  // snippet end

  assert(again == q);
  assert(q.report().relative_error < q.report().round_to_nearest_error);
  const double error = oq::metric::relative_error(w, q.dequantize(), h);
  assert(std::abs(error - q.report().relative_error) < 1e-4 * error);
}
