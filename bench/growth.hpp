// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

/// How cost grows with the order n, the rows m, the bits and the trellis's memory L, drawn from the
/// benches' own names: "gptq, uniform<4>/4096/4096" is a point at n = 4096.
namespace openquant::bench {

using json = nlohmann::json;

/// Runs whose name matches, x being the first group of the expression.
struct curve {
  std::string label, name, counter;
};
struct graph {
  std::string title, x, y;
  bool logarithmic_x, logarithmic_y;
  std::vector<curve> curves;
};

inline std::vector<graph> growth_graphs() {
  return {{"gptq, m = n, beside one product",
           "n",
           "times one product",
           true,
           false,
           {{"uniform 4 bits", "gptq, uniform<4>/(\\d+)/\\1", "over_product"},
            {"2 threads", "gptq, uniform<4>, 2 threads/(\\d+)/\\1", "over_product"}}},
          {"gptq, n = 2048",
           "m",
           "seconds, factorization apart",
           true,
           true,
           {{"uniform 4 bits", "gptq, uniform<4>/(\\d+)/2048", "quantize_s"}}},
          {"Hadamard transform",
           "n",
           "ns a float",
           true,
           false,
           {{"in cache", "transform<cached>/(\\d+)", "ns_per_float"},
            {"signs, memory", "with_signs<uncached>/(\\d+)", "ns_per_float"}}},
          {"Viterbi, 2 bits",
           "L",
           "ns a weight",
           false,
           true,
           {{"latin", "trellis<2, (\\d+), latin>", "encode_ns"}}},
          {"encode",
           "bits",
           "ns a weight",
           false,
           true,
           {{"uniform", "uniform<(\\d)>/asymmetric", "encode_ns"},
            {"Lloyd-Max", "lloyd_max<(\\d)>", "encode_ns"},
            {"companded E8", "companded<e8, ?(\\d)>", "encode_ns"},
            {"E8P", "e8p<(\\d)>", "encode_ns"}}},
          {"one token by a 4096 x 4096 matrix",
           "bits",
           "Gweights/s",
           false,
           false,
           {{"uniform", "multiply, uniform<(\\d)>/4096/1(/.*)?", "Gweights/s"},
            {"8-bit tokens", "multiply_q8, uniform<(\\d)>/4096/1(/.*)?", "Gweights/s"},
            {"Lloyd-Max", "multiply, lloyd_max<(\\d)>/4096/1(/.*)?", "Gweights/s"},
            {"companded E8", "multiply, companded<e8, ?(\\d)>/4096/1(/.*)?", "Gweights/s"},
            {"E8P", "multiply, e8p<(\\d)>/4096/1(/.*)?", "Gweights/s"},
            {"trellis 1MAD", "multiply, trellis<(\\d), 16, one_mad>/4096/1(/.*)?", "Gweights/s"}}}};
}

/// Points of a curve in ascending x.
inline std::map<double, double> points(const curve& c, const std::vector<json>& runs) {
  std::map<double, double> found;
  const std::regex pattern(c.name);
  for (const json& run : runs) {
    const std::string name = run.at("name");
    std::smatch match;
    if (!std::regex_match(name, match, pattern) || !run.contains(c.counter)) continue;
    found[std::stod(match[1])] = run.at(c.counter).get<double>();
  }
  return found;
}

/// Every graph that has points, two in a row, by gnuplot.
inline void plot_growth(const std::vector<json>& runs, const std::string& path) {
  struct drawing {
    graph frame;
    std::vector<std::pair<std::string, std::map<double, double>>> lines;
  };
  std::vector<drawing> drawings;
  for (const graph& g : growth_graphs()) {
    drawing d{g, {}};
    for (const curve& c : g.curves) {
      if (auto line = points(c, runs); !line.empty())
        d.lines.emplace_back(c.label, std::move(line));
    }
    if (!d.lines.empty()) drawings.push_back(std::move(d));
  }
  if (drawings.empty()) return;
  FILE* pipe = popen("gnuplot", "w");
  if (pipe == nullptr) throw std::runtime_error("plot: gnuplot does not start");
  const std::size_t rows = (drawings.size() + 1) / 2;
  std::fprintf(pipe,
               "set terminal svg size 1250,%zu font 'sans,12' background 'white'\n"
               "set output '%s'\nset multiplot layout %zu,2\nset grid\nset key outside right "
               "top vertical samplen 1.5 noenhanced\n",
               rows * 330, path.c_str(), rows);
  for (const drawing& d : drawings) {
    std::fprintf(pipe, "set title '%s' noenhanced\nset xlabel '%s'\nset ylabel '%s' noenhanced\n",
                 d.frame.title.c_str(), d.frame.x.c_str(), d.frame.y.c_str());
    std::fprintf(pipe, "%s\n%s\nset yrange [%s:*]\nplot ",
                 d.frame.logarithmic_x ? "set logscale x 2" : "unset logscale x",
                 d.frame.logarithmic_y ? "set logscale y" : "unset logscale y",
                 d.frame.logarithmic_y ? "*" : "0");
    for (std::size_t i = 0; i < d.lines.size(); ++i) {
      std::fprintf(pipe, "%s'-' using 1:2 with linespoints lw 2 pt %zu ps 0.6 title '%s'",
                   i > 0 ? ", " : "", i + 1, d.lines[i].first.c_str());
    }
    std::fputs("\n", pipe);
    for (const auto& [label, line] : d.lines) {
      for (const auto& [x, y] : line) std::fprintf(pipe, "%g %g\n", x, y);
      std::fputs("e\n", pipe);
    }
  }
  if (pclose(pipe) != 0) throw std::runtime_error("plot: gnuplot failed to write " + path);
}

}  // namespace openquant::bench
