// SPDX-License-Identifier: Apache-2.0
#include "llm/methods.hpp"

namespace llm {

namespace {

template <int B>
void add_lloyd_max(std::vector<method>& list) {
  using oq::equalizer::smoothquant;
  using oq::quantizer::lloyd_max;
  using oq::rotation::hadamard;
  const std::string bits = std::to_string(B), name = "gptq-hadamard-lloyd" + bits;
  const std::string text = "GPTQ, Hadamard rotation, Lloyd-Max, " + bits + " bits";
  list.push_back(second_order(name, text, oq::gptq<lloyd_max<B>, hadamard>{}));
  for (const float alpha : {0.15f, 0.25f}) {
    const std::string tail = alpha < 0.2f ? "0.15" : "0.25";
    oq::gptq<lloyd_max<B>, hadamard, smoothquant> m;
    m.equalizer.alpha = alpha;
    list.push_back(second_order(name + "-smooth" + tail, text + ", SmoothQuant " + tail, m));
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
