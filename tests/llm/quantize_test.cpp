// SPDX-License-Identifier: Apache-2.0
#include "llm/quantize.hpp"

#include <doctest/doctest.h>

#include <openquant/core/random.hpp>

#include "llm/small_llama.hpp"

namespace oq = openquant;

namespace {

struct small_model {
  oq::test::scratch_folder folder;
  llm::model model;
  small_model() {
    oq::test::write_small_llama(folder, oq::test::small_llama_tensors());
    model = llm::load_model(folder / "");
  }
};

/// Windows of random tokens.
std::vector<llm::window> windows(const llm::model& m, std::size_t count, std::uint64_t seed) {
  constexpr std::size_t length = 12;
  const auto token = [&](std::size_t i) {
    return oq::random::index(seed, i, static_cast<std::uint32_t>(m.config.vocab_size));
  };
  std::vector<llm::window> all(count);
  for (std::size_t w = 0; w < count; ++w) {
    for (std::size_t t = 0; t < length; ++t) {
      all[w].inputs.push_back(token(w * length + t));
      all[w].targets.push_back(token(w * length + t + 1));
    }
  }
  return all;
}

llm::quantized_model quantized(const llm::model& m, const llm::method& how, oq::index_t threads) {
  const oq::threads executor{threads};
  return llm::quantize(m, llm::calibrate_first(m, windows(m, 21, 1), executor), how, executor,
                       [](std::size_t) {});
}

double divergence(const llm::model& m, const llm::model& student) {
  const auto evaluation = windows(m, 6, 2);
  const oq::threads executor{2};
  const auto states = llm::run_model(m, evaluation, executor);
  return llm::evaluate(m, states, student, evaluation, executor).divergence.result().mean;
}

template <int B>
llm::method gptq() {
  return llm::second_order("", "", oq::gptq<oq::quantizer::uniform<B>>{});
}

}  // namespace

TEST_CASE("quantize: the model does not depend on the number of threads") {
  const small_model small;
  const auto one = quantized(small.model, gptq<3>(), 1),
             three = quantized(small.model, gptq<3>(), 3);
  for (std::size_t b = 0; b < one.model.blocks.size(); ++b) {
    CHECK(one.model.blocks[b].linear == three.model.blocks[b].linear);
  }
  CHECK(divergence(small.model, one.model) == divergence(small.model, three.model));
}

TEST_CASE(
    "quantize: every linear layer is quantized, nothing else is touched, all bits are counted") {
  const small_model small;
  const llm::config& c = small.model.config;
  const auto q = quantized(small.model, gptq<4>(), 2);
  REQUIRE(std::ssize(q.layers) == c.num_hidden_layers * std::ssize(llm::roles));
  oq::index_t weights = 0, bits = 0;
  for (std::size_t b = 0; b < q.model.blocks.size(); ++b) {
    for (const llm::role r : llm::roles) {
      const auto [m, n] = llm::shape(c, r);
      weights += m * n;
      // Codes and one group's step and zero, each row filled up to bytes, and the unit.
      bits += m * (8 * ((4 * n + 7) / 8) + 24) + 32;
      CHECK(q.model.blocks[b].weight(r) != small.model.blocks[b].weight(r));
    }
    CHECK(q.model.blocks[b].attention_norm == small.model.blocks[b].attention_norm);
  }
  CHECK(q.weights == weights);
  CHECK(q.payload_bits == bits);
  CHECK(q.model.embedding == small.model.embedding);
  for (const auto& layer : q.layers) {
    CAPTURE(layer.name);
    CHECK(layer.report.tokens == 21 * 12);
  }
}

TEST_CASE("quantize: an unquantized student diverges by nothing, fewer bits diverge by more") {
  const small_model small;
  CHECK(divergence(small.model, small.model) == 0);
  const double eight = divergence(small.model, quantized(small.model, gptq<8>(), 2).model);
  const double four = divergence(small.model, quantized(small.model, gptq<4>(), 2).model);
  const double two = divergence(small.model, quantized(small.model, gptq<2>(), 2).model);
  CHECK(0 < eight);
  CHECK(eight < four);
  CHECK(four < two);
}

TEST_CASE("quantize: a method without data calibrates nothing") {
  const small_model small;
  const auto how = llm::data_free("", "", oq::round_to_nearest<oq::quantizer::uniform<8>>{});
  const auto q = llm::quantize(small.model, {}, how, oq::threads{1}, [](std::size_t) {});
  for (const auto& layer : q.layers) CHECK(layer.report.tokens == 0);
}
