// SPDX-License-Identifier: Apache-2.0
#include "llm/methods.hpp"

namespace llm {

namespace {

template <int B>
void add_lloyd_max(std::vector<method>& list) {
  using oq::equalizer::smoothquant;
  using oq::quantizer::lloyd_max;
  using oq::rotation::hadamard;
  // A rotated row is nearly Gaussian from end to end: one scale serves it whole.
  const oq::gptq_options options{.group_size = -1};
  const std::string name = "gptq-hadamard-lloyd" + std::to_string(B);
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
