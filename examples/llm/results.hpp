// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <openquant/core/error.hpp>
#include <openquant/format/output_file.hpp>
#include <openquant/metric/kl_divergence.hpp>

#include "llm/methods.hpp"

namespace llm {

/// One method, measured on one model.
struct result {
  std::string method, family, type;
  double bits_per_weight = 0;  ///< all that is stored for the quantized layers, over their weights
  oq::metric::kl_divergence::statistics divergence{};
  double perplexity = 0;
  double seconds = 0;      ///< calibration and quantization, without evaluation
  double peak_memory = 0;  ///< of the process while quantizing, MiB
  std::vector<layer_outcome> layers;
  bool on_front = false;
};

/// Marks the methods that no other beats in both bits and divergence, and sorts: the front first,
/// each part by rising bits.
inline void sort_into_front(std::vector<result>& results) {
  for (result& r : results) {
    r.on_front = std::ranges::none_of(results, [&](const result& other) {
      const bool no_worse =
          other.bits_per_weight <= r.bits_per_weight && other.divergence.mean <= r.divergence.mean;
      return no_worse && (other.bits_per_weight < r.bits_per_weight ||
                          other.divergence.mean < r.divergence.mean);
    });
  }
  std::ranges::stable_sort(results, [](const result& a, const result& b) {
    return a.on_front != b.on_front ? a.on_front : a.bits_per_weight < b.bits_per_weight;
  });
}

/// As Markdown, so that it can be pasted. KLD in nats; * marks the Pareto front.
inline std::string table(const std::vector<result>& results, double reference_perplexity) {
  std::string text =
      "| method | bits/weight | mean KLD | s.e. | p99 KLD | top-1 % | perplexity | seconds | MiB "
      "|\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  char line[256];
  for (const result& r : results) {
    std::snprintf(line, sizeof line,
                  "| %s%s | %.4f | %#.4g | %.2g | %#.3g | %.2f | %.3f | %.1f | %.0f |\n",
                  r.method.c_str(), r.on_front ? " *" : "", r.bits_per_weight, r.divergence.mean,
                  r.divergence.standard_error, r.divergence.p99, 100 * r.divergence.top1,
                  r.perplexity, r.seconds, r.peak_memory);
    text += line;
  }
  std::snprintf(line, sizeof line, "| reference, not quantized | | 0 | | | 100 | %.3f | | |\n",
                reference_perplexity);
  return text + line;
}

inline nlohmann::ordered_json to_json(const result& r) {
  const auto& d = r.divergence;
  auto layers = nlohmann::ordered_json::array();
  for (const auto& [name, report] : r.layers) {
    layers.push_back({{"name", name},
                      {"tokens", report.tokens},
                      {"dead_channels", report.dead_channels},
                      {"damping", report.damping},
                      {"factorizations", report.factorizations},
                      {"relative_error", report.relative_error},
                      {"round_to_nearest_error", report.round_to_nearest_error}});
  }
  return {{"method", r.method},
          {"family", r.family},
          {"type", r.type},
          {"bits_per_weight", r.bits_per_weight},
          {"kl_divergence",
           {{"mean", d.mean},
            {"standard_error", d.standard_error},
            {"median", d.median},
            {"p99", d.p99},
            {"tokens", d.tokens},
            {"windows", d.windows}}},
          {"top1", d.top1},
          {"perplexity", r.perplexity},
          {"seconds", r.seconds},
          {"peak_memory_mib", r.peak_memory},
          {"on_pareto_front", r.on_front},
          {"layers", std::move(layers)}};
}

/// A line for each way in which layers did not go as they should; empty where all went well.
inline std::string remarks(const result& r) {
  std::ptrdiff_t worse = 0, raised = 0, dead = 0;
  for (const auto& [name, report] : r.layers) {
    worse += report.beats_round_to_nearest() ? 0 : 1;
    raised += report.factorizations > 1 ? 1 : 0;
    dead += report.dead_channels > 0 ? 1 : 0;
  }
  std::string text;
  const auto say = [&](std::ptrdiff_t count, const char* what) {
    if (count > 0) text += r.method + ": " + std::to_string(count) + " layers " + what + "\n";
  };
  say(worse, "where error feedback did worse than rounding");
  say(raised, "whose damping had to be raised");
  say(dead, "with inputs that were always zero");
  return text;
}

/// Whole or not at all.
inline void write_file(const std::filesystem::path& path, const std::string& text) {
  oq::format::output_file file(path);
  file.write(text);
  file.commit();
}

/// Mean KLD over bits per weight, a line for each family, drawn by gnuplot.
inline void plot(const std::vector<result>& results, const std::filesystem::path& path) {
  std::map<std::string, std::map<double, double>> families;  // name -> bits -> KLD
  for (const result& r : results) families[r.family][r.bits_per_weight] = r.divergence.mean;

  const std::string part = path.string() + ".part";
  std::signal(SIGPIPE, SIG_IGN);  // without gnuplot: an error below, and not the end of the program
  FILE* pipe = popen("gnuplot", "w");
  if (pipe == nullptr) oq::fail("plot: gnuplot does not start");
  std::fprintf(pipe,
               "set terminal svg size 900,600 font 'sans,14' background 'white'\n"
               "set output '%s'\nset logscale y\nset format y '10^{%%T}'\nset grid\n"
               "set key top right noenhanced\nset offsets 0.3,0.3,0,0\n"
               "set xlabel 'bits per weight, everything counted'\n"
               "set ylabel 'mean KL divergence from the original model (nats)'\n"
               "plot ",
               part.c_str());
  const char* separator = "";
  for (const auto& [family, line] : families) {
    std::fprintf(pipe, "%s'-' using 1:2 with linespoints lw 2 pt 7 ps 0.6 title '%s'", separator,
                 family.c_str());
    separator = ", ";
  }
  std::fputs("\n", pipe);
  for (const auto& [family, line] : families) {
    for (const auto& [bits, kld] : line) std::fprintf(pipe, "%g %g\n", bits, kld);
    std::fputs("e\n", pipe);
  }
  if (pclose(pipe) != 0) {
    std::filesystem::remove(part);
    oq::fail("plot: gnuplot failed to write ", part);
  }
  std::filesystem::rename(part, path);
}

}  // namespace llm
