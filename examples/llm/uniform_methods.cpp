// SPDX-License-Identifier: Apache-2.0
#include "llm/methods.hpp"

namespace llm {

namespace {

template <int B>
void add_uniform(std::vector<method>& list) {
  using oq::quantizer::uniform;
  const std::string bits = std::to_string(B);
  list.push_back(data_free("rtn-uniform" + bits, "round to nearest, uniform",
                           oq::round_to_nearest<uniform<B>>{}));
  list.push_back(second_order("gptq-uniform" + bits, "GPTQ, uniform", oq::gptq<uniform<B>>{}));
}

}  // namespace

std::vector<method> uniform_methods() {
  std::vector<method> list;
  add_uniform<8>(list);
  add_uniform<4>(list);
  add_uniform<3>(list);
  add_uniform<2>(list);
  return list;
}

}  // namespace llm
