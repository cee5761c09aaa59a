// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <vector>

#include <openquant/core/executor.hpp>
#include <openquant/metric/kl_divergence.hpp>
#include <openquant/metric/perplexity.hpp>

#include "llm/forward.hpp"
#include "llm/model.hpp"
#include "llm/tokens.hpp"

namespace llm {

namespace oq = openquant;

/// Hidden states before the final norm, one (tokens, hidden) matrix a window.
using hidden_states = std::vector<oq::matrix<float>>;

/// The whole forward pass of each window but for the head.
inline hidden_states run_model(const model& m, const std::vector<window>& windows,
                               const oq::threads& executor) {
  hidden_states states(windows.size());
  executor.run(std::ssize(windows), [&](oq::index_t i) {
    const auto w = static_cast<std::size_t>(i);
    states[w] = embed(m, windows[w].inputs);
    for (const block& b : m.blocks) run_block(m, b, states[w]);
  });
  return states;
}

struct evaluation {
  oq::metric::kl_divergence divergence;
  oq::metric::perplexity perplexity;
};

/// Perplexity of the model that left these states.
inline double perplexity(const model& m, const hidden_states& states,
                         const std::vector<window>& windows, const oq::threads& executor) {
  std::vector<double> loss(windows.size());
  executor.run(std::ssize(windows), [&](oq::index_t i) {
    const auto w = static_cast<std::size_t>(i);
    oq::matrix<float> found(states[w].rows(), m.config.vocab_size);
    logits(m, states[w], found);
    loss[w] = oq::metric::negative_log_likelihood(found, windows[w].targets);
  });
  oq::metric::perplexity sum;
  for (std::size_t w = 0; w < windows.size(); ++w) sum.add(loss[w], std::ssize(windows[w].targets));
  return sum.value();
}

/// The student against the teacher's final states, which are kept instead of the logits: 33 MB and
/// not 512 MB for the embedded model. Windows run in parallel and are added in order.
inline evaluation evaluate(const model& teacher, const hidden_states& teacher_states,
                           const model& student, const std::vector<window>& windows,
                           const oq::threads& executor) {
  std::vector<oq::metric::window_divergence> divergence(windows.size());
  std::vector<double> loss(windows.size());
  executor.run(std::ssize(windows), [&](oq::index_t i) {
    const auto w = static_cast<std::size_t>(i);
    oq::matrix<float> hidden = embed(student, windows[w].inputs);
    for (const block& b : student.blocks) run_block(student, b, hidden);
    const auto tokens = std::ssize(windows[w].inputs);
    oq::matrix<float> expected(tokens, teacher.config.vocab_size), found = expected;
    logits(teacher, teacher_states[w], expected);
    logits(student, hidden, found);
    divergence[w] = oq::metric::kl_of_window(expected, found);
    loss[w] = oq::metric::negative_log_likelihood(found, windows[w].targets);
  });
  evaluation result;
  for (std::size_t w = 0; w < windows.size(); ++w) {
    result.divergence.add(divergence[w]);
    result.perplexity.add(loss[w], std::ssize(windows[w].targets));
  }
  return result;
}

}  // namespace llm
