// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <map>
#include <span>
#include <vector>

#include <openquant/format/safetensors_writer.hpp>

#include "llm/evaluate.hpp"
#include "llm/methods.hpp"

namespace llm {

/// f(), with the place in front of what it throws.
template <class F>
void naming(const std::string& place, const F& f) {
  try {
    f();
  } catch (const oq::error& failure) {
    oq::fail(place, ": ", failure.what());
  }
}

/// The linear layers that read at a site, and so share its Hessian.
inline std::vector<role> readers(site where) {
  std::vector<role> found;
  for (const role r : roles) {
    if (input_site(r) == where) found.push_back(r);
  }
  return found;
}
inline constexpr std::array sites{site::attention, site::attention_output, site::mlp,
                                  site::mlp_output};

struct quantized_model {
  llm::model model;  ///< with dequantized weights: what the evaluation runs
  oq::index_t payload_bits = 0, weights = 0;
  std::vector<layer_outcome> layers;
};

/// The Hessian of each input site of block b, from the states that enter it. Windows are cut into a
/// fixed number of parts, accumulated apart and merged in order: the same on any number of threads.
inline std::map<site, oq::hessian> calibrate(const model& m, const block& b,
                                             const hidden_states& states,
                                             const oq::threads& executor) {
  constexpr std::size_t parts = 8;
  std::array<std::map<site, oq::hessian>, parts> seen;
  executor.run(parts, [&](oq::index_t i) {
    auto& mine = seen[static_cast<std::size_t>(i)];
    for (auto w = static_cast<std::size_t>(i); w < states.size(); w += parts) {
      oq::matrix<float> hidden = states[w];
      run_block(m, b, hidden, [&](site where, oq::matrix_view<const float> x) {
        naming("window " + std::to_string(w) + ", input of " + std::string(name(readers(where)[0])),
               [&] { mine.try_emplace(where, x.cols()).first->second.add(x); });
      });
    }
  });
  std::map<site, oq::hessian> merged = seen[0];
  for (std::size_t i = 1; i < parts; ++i) {
    for (const auto& [where, h] : seen[i]) merged.at(where).add(h);
  }
  return merged;
}

/// What calibrates the first block: nothing before it is quantized, so all methods share it.
struct first_calibration {
  hidden_states states;
  std::map<site, oq::hessian> hessians;
};

inline first_calibration calibrate_first(const model& m, const std::vector<window>& windows,
                                         const oq::threads& executor) {
  first_calibration first;
  first.states.resize(windows.size());
  executor.run(std::ssize(windows), [&](oq::index_t i) {
    const auto w = static_cast<std::size_t>(i);
    first.states[w] = embed(m, windows[w].inputs);
  });
  naming("block 0", [&] { first.hessians = calibrate(m, m.blocks.at(0), first.states, executor); });
  return first;
}

/// Quantizes the linear layers of every block, one block after the other: the inputs that calibrate
/// a block come from the blocks already quantized. `done(k)` is called after block k.
template <class Done>
quantized_model quantize(const model& original, const first_calibration& first, const method& how,
                         const oq::threads& executor, const Done& done) {
  quantized_model result;
  result.model = original;
  hidden_states states = how.needs_calibration ? first.states : hidden_states{};
  for (std::size_t k = 0; k < original.blocks.size(); ++k) {
    block& b = result.model.blocks[k];
    std::map<site, oq::hessian> hessians;
    if (how.needs_calibration && k == 0) hessians = first.hessians;
    if (how.needs_calibration && k > 0) {
      naming("block " + std::to_string(k),
             [&] { hessians = calibrate(original, b, states, executor); });
    }
    for (const site where : sites) {
      const std::vector<role> group = readers(where);
      std::vector<oq::matrix_view<const float>> weights;
      for (const role r : group) weights.push_back(b.weight(r));
      const oq::hessian none(weights[0].cols());
      const oq::hessian& h = how.needs_calibration ? hessians.at(where) : none;
      std::vector<quantized_layer> layers;
      naming(tensor_name(static_cast<oq::index_t>(k), group[0]),
             [&] { layers = how.quantize(weights, h, executor); });
      for (std::size_t i = 0; i < group.size(); ++i) {
        result.payload_bits += layers[i].payload_bits;
        result.weights += layers[i].weights.rows() * layers[i].weights.cols();
        result.layers.push_back(
            {tensor_name(static_cast<oq::index_t>(k), group[i]), layers[i].report});
        b.weight(group[i]) = std::move(layers[i].weights);
      }
    }
    executor.run(std::ssize(states), [&](oq::index_t i) {
      run_block(original, b, states[static_cast<std::size_t>(i)]);
    });
    done(k + 1);
  }
  return result;
}

/// Writes the linear layers, dequantized, as float under the checkpoint's names.
inline void save_layers(const model& m, const std::filesystem::path& path) {
  std::map<std::string, oq::format::tensor> tensors;
  for (std::size_t k = 0; k < m.blocks.size(); ++k) {
    for (const role r : roles) {
      const oq::matrix<float>& w = m.blocks[k].weight(r);
      const auto elements = static_cast<std::size_t>(w.rows() * w.cols());
      tensors[tensor_name(static_cast<oq::index_t>(k), r)] = {
          oq::format::dtype::f32,
          {w.rows(), w.cols()},
          std::as_bytes(std::span(w.data(), elements))};
    }
  }
  oq::format::write_safetensors(path, tensors, {{"format", "pt"}});
}

}  // namespace llm
