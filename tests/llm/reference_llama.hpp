// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <openquant/core/matrix.hpp>

#include "llm/small_llama.hpp"

namespace openquant::test {

/// The small Llama once more, in double, one number at a time and one token at a time, on the
/// weights as they were made: it shares nothing with the engine but the definition of the model.
class reference_llama {
 public:
  explicit reference_llama(const small_tensors& tensors) : tensors_(tensors) {}

  /// (tokens, 37)
  matrix<double> logits(std::span<const std::uint32_t> ids) {
    matrix<double> out(std::ssize(ids), 37);
    past_.assign(2, {});
    for (index_t t = 0; t < out.rows(); ++t) {
      const auto id = static_cast<index_t>(ids[static_cast<std::size_t>(t)]);
      row x;
      for (index_t j = 0; j < 24; ++j) x.push_back(at("model.embed_tokens.weight", id * 24 + j));
      for (std::size_t layer = 0; layer < 2; ++layer) run_block(layer, t, x);
      const row y = multiply("lm_head.weight", norm("model.norm.weight", x));
      for (index_t j = 0; j < 37; ++j) out(t, j) = y[static_cast<std::size_t>(j)];
    }
    return out;
  }

 private:
  using row = std::vector<double>;
  struct keys_and_values {
    std::vector<row> keys, values;  // of the tokens so far
  };

  double at(const std::string& name, index_t i) const {
    return static_cast<double>(tensors_.at(name).values[static_cast<std::size_t>(i)]);
  }
  row multiply(const std::string& name, const row& x) const {
    row y(static_cast<std::size_t>(tensors_.at(name).shape[0]));
    for (std::size_t i = 0; i < y.size(); ++i) {
      for (std::size_t j = 0; j < x.size(); ++j) {
        y[i] += at(name, static_cast<index_t>(i * x.size() + j)) * x[j];
      }
    }
    return y;
  }
  row norm(const std::string& name, const row& x) const {
    double mean = 0;
    for (double v : x) mean += v * v / static_cast<double>(x.size());
    row y;
    for (std::size_t j = 0; j < x.size(); ++j) {
      y.push_back(x[j] / std::sqrt(mean + 1e-5) * at(name, static_cast<index_t>(j)));
    }
    return y;
  }

  /// Wavelengths of the pairs, theta = 100: 6.3, 16, 40, 100, 251. With a trained context of 32,
  /// those below 32 / 4 stay, those above 32 / 1 are stretched 8 times, the 16 is in between.
  static double frequency(int pair) {
    const double pi = std::acos(-1.0), f = 1 / std::pow(100.0, 2.0 * pair / 10.0);
    const double wavelength = 2 * pi / f;
    if (wavelength < 8) return f;
    if (wavelength > 32) return f / 8;
    const double smooth = (32 / wavelength - 1) / (4 - 1);
    return (1 - smooth) * f / 8 + smooth * f;
  }
  static void turn(row& heads, index_t position) {
    for (std::size_t h = 0; h < heads.size(); h += 10) {
      for (std::size_t j = 0; j < 5; ++j) {
        const double angle = static_cast<double>(position) * frequency(static_cast<int>(j));
        const double a = heads[h + j], b = heads[h + j + 5];
        heads[h + j] = a * std::cos(angle) - b * std::sin(angle);
        heads[h + j + 5] = a * std::sin(angle) + b * std::cos(angle);
      }
    }
  }

  static double score(const row& q, std::size_t head, const row& key) {
    double sum = 0;
    for (std::size_t j = 0; j < 10; ++j) sum += q[head * 10 + j] * key[head / 2 * 10 + j];
    return std::exp(sum / std::sqrt(10.0));
  }
  row attend(const row& q, const keys_and_values& past) const {
    row out(40);
    for (std::size_t head = 0; head < 4; ++head) {
      double total = 0;
      for (const row& key : past.keys) total += score(q, head, key);
      for (std::size_t s = 0; s < past.keys.size(); ++s) {
        const double part = score(q, head, past.keys[s]) / total;
        for (std::size_t j = 0; j < 10; ++j) {
          out[head * 10 + j] += part * past.values[s][head / 2 * 10 + j];
        }
      }
    }
    return out;
  }

  void run_block(std::size_t layer, index_t position, row& x) {
    const std::string prefix = layer == 0 ? "model.layers.0." : "model.layers.1.";
    const auto add_to_x = [&](const row& y) {
      for (std::size_t j = 0; j < x.size(); ++j) x[j] += y[j];
    };
    row h = norm(prefix + "input_layernorm.weight", x);
    row q = multiply(prefix + "self_attn.q_proj.weight", h);
    row k = multiply(prefix + "self_attn.k_proj.weight", h);
    turn(q, position);
    turn(k, position);
    past_[layer].keys.push_back(k);
    past_[layer].values.push_back(multiply(prefix + "self_attn.v_proj.weight", h));
    add_to_x(multiply(prefix + "self_attn.o_proj.weight", attend(q, past_[layer])));

    h = norm(prefix + "post_attention_layernorm.weight", x);
    row gate = multiply(prefix + "mlp.gate_proj.weight", h);
    const row up = multiply(prefix + "mlp.up_proj.weight", h);
    for (std::size_t j = 0; j < gate.size(); ++j) gate[j] *= up[j] / (1 + std::exp(-gate[j]));
    add_to_x(multiply(prefix + "mlp.down_proj.weight", gate));
  }

  const small_tensors& tensors_;
  std::vector<keys_and_values> past_;
};

}  // namespace openquant::test
