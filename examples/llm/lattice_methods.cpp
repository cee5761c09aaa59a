// SPDX-License-Identifier: Apache-2.0
#include <openquant/lattice/e8.hpp>
#include <openquant/quantizer/companded.hpp>
#include <openquant/quantizer/e8p.hpp>
#include <openquant/quantizer/leech_ball.hpp>
#include <openquant/quantizer/voronoi.hpp>

#include "llm/methods.hpp"

namespace llm {

namespace {

using oq::quantizer::companded;
using oq::quantizer::gaussian_fit;
using oq::rotation::hadamard;
using e8 = oq::lattice::e8;
using oq::lattice::leech;
using d12_plus = oq::lattice::d_plus<12>;

// A rotated row is nearly Gaussian from end to end: one scale serves it whole.
constexpr oq::gptq_options whole_rows{.group_size = -1};

template <class Lattice, int B>
method companded_rows(const std::string& short_name, const std::string& long_name) {
  return second_order("gptq-hadamard-" + short_name + std::to_string(B),
                      "GPTQ, Hadamard, companded " + long_name,
                      oq::gptq<companded<Lattice, B>, hadamard>{.options = whole_rows});
}

/// The auxiliary levels of the published turbo_e8: offered, not run unless asked for.
template <int B>
void add_midpoints(std::vector<method>& list) {
  using oq::quantizer::half_coset;
  const std::string name = "gptq-hadamard-e8c" + std::to_string(B);
  const std::string family = "GPTQ, Hadamard, companded E8, ";
  list.push_back(second_order(
      name + "-median", family + "median",
      oq::gptq<companded<e8, B, half_coset::median>, hadamard>{.options = whole_rows}));
  list.push_back(second_order(
      name + "-linear", family + "linear",
      oq::gptq<companded<e8, B, half_coset::linear>, hadamard>{.options = whole_rows}));
  list.back().by_default = (list.end() - 2)->by_default = false;
}

/// SmoothQuant in front, over the exponents of the literature and around: offered, not run unless
/// asked for.
template <int B>
void add_smoothed(std::vector<method>& list) {
  using oq::equalizer::smoothquant;
  for (const auto& [text, alpha] :
       {std::pair{"0.10", 0.10f}, std::pair{"0.15", 0.15f}, std::pair{"0.20", 0.20f},
        std::pair{"0.25", 0.25f}, std::pair{"0.50", 0.50f}}) {
    list.push_back(second_order("gptq-hadamard-e8c" + std::to_string(B) + "-smooth" + text,
                                std::string("GPTQ, Hadamard, companded E8, SmoothQuant ") + text,
                                oq::gptq<companded<e8, B>, hadamard, smoothquant>{
                                    .equalizer = {.alpha = alpha}, .options = whole_rows}));
    list.back().by_default = false;
  }
}

/// Outputs rotated as well, and one factor for the whole matrix in place of scales.
template <class Q>
method without_scales(const std::string& short_name, const std::string& long_name) {
  return second_order("gptq-both-" + short_name, "GPTQ, Hadamard on both sides, " + long_name,
                      oq::gptq<Q, oq::rotation::two_sided<hadamard>>{
                          .quantizer = {.fit_by = gaussian_fit::none},
                          .rotation = {.input = {.seed = 1}, .output = {.seed = 2}}});
}

}  // namespace

std::vector<method> lattice_methods() {
  std::vector<method> list{
      companded_rows<e8, 4>("e8c", "E8"),
      companded_rows<e8, 3>("e8c", "E8"),
      companded_rows<e8, 2>("e8c", "E8"),
      companded_rows<d12_plus, 4>("d12c", "D12+"),
      companded_rows<d12_plus, 3>("d12c", "D12+"),
      companded_rows<d12_plus, 2>("d12c", "D12+"),
      without_scales<oq::quantizer::e8p<4>>("e8p4", "E8P"),
      without_scales<oq::quantizer::e8p<3>>("e8p3", "E8P"),
      without_scales<oq::quantizer::e8p<2>>("e8p2", "E8P"),
      without_scales<oq::quantizer::voronoi<leech, 14>>("leechv4", "Voronoi Leech"),
      without_scales<oq::quantizer::voronoi<leech, 7>>("leechv3", "Voronoi Leech"),
      without_scales<oq::quantizer::voronoi<e8, 14>>("voronoi4", "Voronoi E8"),
      without_scales<oq::quantizer::voronoi<e8, 7>>("voronoi3", "Voronoi E8"),
      without_scales<oq::quantizer::voronoi<e8, 4>>("voronoi2", "Voronoi E8"),
      without_scales<oq::quantizer::leech_ball>("leech2", "Leech ball")};
  add_midpoints<4>(list);
  add_midpoints<3>(list);
  add_midpoints<2>(list);
  add_smoothed<4>(list);
  add_smoothed<3>(list);
  add_smoothed<2>(list);
  return list;
}

}  // namespace llm
