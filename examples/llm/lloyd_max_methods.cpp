// SPDX-License-Identifier: Apache-2.0
#include "llm/methods.hpp"

namespace llm {

namespace {

/// Zandieh et al. 2025 for weights: blocks of 128 rotated, one corrected norm for each, no data.
template <int B>
method turboquant() {
  using oq::quantizer::lloyd_max;
  return data_free("turboquant" + std::to_string(B), "TurboQuant",
                   oq::round_to_nearest<lloyd_max<B>, oq::rotation::block_hadamard<128>>{
                       .quantizer = {.fit_by = oq::quantizer::lloyd_max_fit::corrected_norm}});
}

template <int B>
void add_lloyd_max(std::vector<method>& list) {
  using oq::equalizer::smoothquant;
  using oq::quantizer::lloyd_max;
  using oq::rotation::hadamard;
  list.push_back(turboquant<B>());
  // A rotated row is nearly Gaussian from end to end: one scale serves it whole.
  const oq::gptq_options options{.group_size = -1};
  const std::string bits = std::to_string(B), name = "gptq-hadamard-lloyd" + bits;
  const std::string family = "GPTQ, Hadamard, Lloyd-Max";
  list.push_back(second_order(name, family, oq::gptq<lloyd_max<B>, hadamard>{.options = options}));
  for (const auto& [text, alpha] : {std::pair{"0.15", 0.15f}, std::pair{"0.25", 0.25f}}) {
    list.push_back(second_order(name + "-smooth" + text, family + ", SmoothQuant " + text,
                                oq::gptq<lloyd_max<B>, hadamard, smoothquant>{
                                    .equalizer = {.alpha = alpha}, .options = options}));
  }
}

}  // namespace

std::vector<method> lloyd_max_methods() {
  std::vector<method> list;
  add_lloyd_max<4>(list);
  add_lloyd_max<3>(list);
  add_lloyd_max<2>(list);
  return list;
}

}  // namespace llm
