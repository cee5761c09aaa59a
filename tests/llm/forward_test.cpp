// SPDX-License-Identifier: Apache-2.0
#include "llm/forward.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/executor.hpp>
#include <openquant/format/mapped_file.hpp>
#include <openquant/metric/perplexity.hpp>

#include "llm/reference_llama.hpp"
#include "llm/small_llama.hpp"
#include "llm/tokens.hpp"
#include "worst.hpp"

namespace oq = openquant;
using oq::index_t;
using oq::test::contains;
using oq::test::message;

namespace {

const std::string folder = OPENQUANT_EXAMPLE_DATA "/tiny-qwen3/";

oq::matrix<float> all_logits(const llm::model& m, std::span<const std::uint32_t> tokens) {
  oq::matrix<float> hidden = llm::embed(m, tokens);
  for (const llm::block& b : m.blocks) llm::run_block(m, b, hidden);
  oq::matrix<float> out(hidden.rows(), m.config.vocab_size);
  llm::logits(m, hidden, out);
  return out;
}

double largest_difference(oq::matrix_view<const float> a, oq::matrix_view<const double> b) {
  REQUIRE(a.rows() == b.rows());
  REQUIRE(a.cols() == b.cols());
  double largest = 0;
  for (index_t i = 0; i < a.rows(); ++i) {
    for (index_t j = 0; j < a.cols(); ++j) {
      const double difference = std::fabs(static_cast<double>(a(i, j)) - b(i, j));
      if (!(difference <= largest)) largest = difference;  // NaN counts
    }
  }
  return largest;
}

}  // namespace

TEST_CASE("forward: the logits of the embedded model's prompt are the reference's") {
  const llm::model m = llm::load_model(folder);
  const auto reference = llm::read_json(folder + "reference.json");
  const auto ids = reference["prompt"]["ids"].get<std::vector<std::uint32_t>>();
  const oq::matrix<float> found = all_logits(m, ids);

  const oq::format::mapped_file file(folder + "prompt_logits.f32.bin");
  oq::matrix<float> stored(std::ssize(ids), m.config.vocab_size);
  REQUIRE(file.size() == 4 * stored.rows() * stored.cols());
  std::memcpy(stored.data(), file.bytes().data(), file.bytes().size());
  oq::matrix<double> expected(stored.rows(), stored.cols());
  for (index_t i = 0; i < stored.rows(); ++i) {
    std::ranges::copy(stored.row(i), expected.row(i).begin());
  }
  const double largest = largest_difference(found, expected);
  MESSAGE("largest difference of a logit: " << largest);
  CHECK(largest < 1e-3);
}

// 24 GFLOP: a minute where neither the compiler nor the products are optimized.
#if defined(__OPTIMIZE__)
constexpr bool too_slow = false;
#else
constexpr bool too_slow = true;
#endif
TEST_CASE("forward: the embedded model's evaluation windows have the reference's likelihood" *
          doctest::skip(too_slow)) {
  const llm::model m = llm::load_model(folder);
  const auto windows = llm::read_tokens(folder + "evaluation_tokens.bin", 256, m.config.vocab_size);
  CHECK(windows.size() == 128);
  const auto expected = llm::read_json(folder + "reference.json")["test_first_8_windows_nll_sum"]
                            .get<std::vector<double>>();
  REQUIRE(expected.size() == 8);
  std::vector<double> found(expected.size());
  oq::threads{}.run(std::ssize(found), [&](index_t i) {
    const auto w = static_cast<std::size_t>(i);
    found[w] =
        oq::metric::negative_log_likelihood(all_logits(m, windows[w].inputs), windows[w].targets);
  });
  // If every logit is off by at most d, a token's likelihood is off by at most 2 d. The sums tell
  // more than the prompt's logits do, because they are held to 1e-2 = 256 * 2 * d with d = 2e-5,
  // which is 2^-24 times some 80 roundings of logits of magnitude 4.
  double largest = 0;
  for (std::size_t w = 0; w < found.size(); ++w) {
    largest = oq::test::worst(largest, std::fabs(found[w] - expected[w]));
  }
  MESSAGE("largest difference of a window's sum: " << largest);
  CHECK(largest < 1e-2);
}

namespace {

/// 70 tokens: attention runs them in more than one part, and no register width divides them.
std::vector<std::uint32_t> some_tokens() {
  std::vector<std::uint32_t> tokens;
  for (std::uint64_t i = 0; i < 70; ++i) tokens.push_back(oq::random::index(5, i, 37));
  return tokens;
}

struct small_model {
  small_model() { oq::test::write_small_llama(folder, tensors); }

  oq::test::scratch_folder folder;
  oq::test::small_tensors tensors = oq::test::small_llama_tensors();
};

}  // namespace

TEST_CASE("forward: a Llama with llama3 rope scaling equals scalar code in double") {
  const small_model small;
  const llm::model m = llm::load_model(small.folder / "");
  const auto tokens = some_tokens();
  const auto expected = oq::test::reference_llama(small.tensors).logits(tokens);
  const double largest = largest_difference(all_logits(m, tokens), expected);
  MESSAGE("largest difference of a logit: " << largest);
  // Logits of variance 1 through some 300 roundings (two blocks of products of up to 44 terms,
  // attention over 70 keys), each at most 2^-24 of a number of magnitude 4.
  CHECK(largest < 300 * 4 * 0x1p-24);
}

TEST_CASE("forward: a token sees the tokens before it and no others") {
  const small_model small;
  const llm::model m = llm::load_model(small.folder / "");
  auto tokens = some_tokens();
  const auto whole = all_logits(m, tokens);
  tokens[66] = (tokens[66] + 1) % 37;
  const auto changed = all_logits(m, tokens);
  for (index_t t = 0; t < 66; ++t) CHECK(std::ranges::equal(whole.row(t), changed.row(t)));
  for (index_t t = 66; t < 70; ++t) CHECK_FALSE(std::ranges::equal(whole.row(t), changed.row(t)));
}

TEST_CASE("forward: each site shows what its layers read") {
  const small_model small;
  const llm::model m = llm::load_model(small.folder / "");
  const auto tokens = some_tokens();
  std::map<llm::site, oq::matrix<float>> seen;
  const auto observe = [&](llm::site where, oq::matrix_view<const float> x) {
    CHECK(seen.try_emplace(where, x).second);  // once each
  };
  oq::matrix<float> observed = llm::embed(m, tokens), multiplied = observed, plain = observed;
  llm::run_block(m, m.blocks[0], observed, observe);
  REQUIRE(seen.size() == 4);

  int products = 0;
  llm::run_block(m, m.blocks[0], multiplied, llm::no_observer{},
                 [&](llm::role r, oq::matrix_view<const float> x, oq::matrix_view<float> y) {
                   ++products;
                   CHECK(oq::matrix<float>(x) == seen.at(llm::input_site(r)));
                   const auto& w = m.blocks[0].weight(r);
                   oq::linalg::gemm<oq::linalg::op::none, oq::linalg::op::transpose>(1, x, w, 0, y);
                 });
  CHECK(products == 7);
  llm::run_block(m, m.blocks[0], plain);
  CHECK(observed == plain);
  CHECK(multiplied == plain);
}

TEST_CASE("forward: logits of some rows are those rows of all logits") {
  const small_model small;
  const llm::model m = llm::load_model(small.folder / "");
  const auto tokens = some_tokens();
  const auto all = all_logits(m, tokens);
  oq::matrix<float> hidden = llm::embed(m, tokens), some(3, 37);
  for (const llm::block& b : m.blocks) llm::run_block(m, b, hidden);
  llm::logits(m, hidden.view().block(7, 0, 3, 24), some);
  for (index_t t = 0; t < 3; ++t) {
    for (index_t j = 0; j < 37; ++j) {  // the product may sum in another order
      CHECK(some(t, j) ==
            doctest::Approx(static_cast<double>(all(7 + t, j))).epsilon(24 * 0x1p-24).scale(4));
    }
  }
}

TEST_CASE("forward: shapes and tokens that do not fit the model are refused") {
  const small_model small;
  const llm::model m = llm::load_model(small.folder / "");
  CHECK(message([&] {
          llm::embed(m, std::vector<std::uint32_t>{3, 37});
        }) == "embed: token 1 is 37, the vocabulary has 37");
  oq::matrix<float> hidden(2, 23), right(2, 24), out(2, 36);
  CHECK(message([&] { llm::run_block(m, m.blocks[0], hidden); }) ==
        "run_block: hidden states of 23, the model has 24");
  CHECK(contains(message([&] { llm::logits(m, right, out); }), "(2, 24) into (2, 36)"));
  llm::block replaced = m.blocks[0];
  replaced.weight(llm::role::down) = oq::matrix<float>(24, 43);
  CHECK(contains(message([&] { llm::run_block(m, replaced, right); }), "gemm: (2, 44) times"));
  CHECK(all_logits(m, {}).rows() == 0);
}
