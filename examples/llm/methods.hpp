// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <openquant/openquant.hpp>

/// The compositions that the command line offers, by name. A composition is a type; a name chosen
/// at run time needs one erased function around it, and this is where an engine would keep its
/// list.
namespace llm {

namespace oq = openquant;

/// One quantized linear layer, as the evaluation needs it.
struct quantized_layer {
  oq::matrix<float> weights;  ///< dequantized, (m, n)
  oq::index_t payload_bits = 0;
  oq::report report;
};

/// What happened to one linear layer.
struct layer_outcome {
  std::string name;  ///< as in the checkpoint
  oq::report report;
};

/// Quantizes layers that read the same input and so share its Hessian.
using quantize_layers = std::function<std::vector<quantized_layer>(
    const std::vector<oq::matrix_view<const float>>&, const oq::hessian&, const oq::threads&)>;

struct method {
  std::string name;    ///< "gptq-uniform4"
  std::string family;  ///< the same at any number of bits: "GPTQ, uniform"
  std::string type;    ///< "gptq<uniform<4>, identity, identity>, group size 128, damping 0.01"
  bool needs_calibration = true;
  quantize_layers quantize;
  bool by_default = true;  ///< run where no method is named
};

template <class Quantized>
quantized_layer to_layer(const Quantized& q) {
  return {q.dequantize(), q.payload_bits(), q.report()};
}

template <template <class, class, class> class Solver, class Q, class R, class E>
std::string type_text(const char* solver, const Solver<Q, R, E>& m) {
  const oq::index_t g = m.options.group_size;
  return std::string(solver) + "<" + Q::name() + ", " + R::name() + ", " + E::name() +
         ">, group size " + (g == -1 ? "of a row" : std::to_string(g));
}

/// Second order: one factorization for all layers of the input.
template <class Q, class R, class E>
method second_order(std::string name, std::string family, const oq::gptq<Q, R, E>& m) {
  return {std::move(name), std::move(family),
          type_text("gptq", m) + ", damping " + oq::to_text(m.options.damping), true,
          [m](const auto& weights, const oq::hessian& h, const oq::threads& executor) {
            const auto factorization = m.factor(h);
            std::vector<quantized_layer> layers;
            for (const auto& w : weights) {
              layers.push_back(to_layer(m.quantize(w, factorization, executor)));
            }
            return layers;
          }};
}

/// Without data.
template <class Q, class R, class E>
method data_free(std::string name, std::string family, const oq::round_to_nearest<Q, R, E>& m) {
  return {std::move(name), std::move(family), type_text("round_to_nearest", m), false,
          [m](const auto& weights, const oq::hessian&, const oq::threads& executor) {
            std::vector<quantized_layer> layers;
            for (const auto& w : weights) layers.push_back(to_layer(m.quantize(w, executor)));
            return layers;
          }};
}

/// Each family of compositions is compiled in a file of its own.
std::vector<method> uniform_methods();
std::vector<method> lloyd_max_methods();
std::vector<method> lattice_methods();
std::vector<method> trellis_methods();

/// Every composition on offer.
inline std::vector<method> methods() {
  std::vector<method> list;
  for (const auto family : {uniform_methods, lloyd_max_methods, lattice_methods, trellis_methods}) {
    std::ranges::move(family(), std::back_inserter(list));
  }
  return list;
}

}  // namespace llm
