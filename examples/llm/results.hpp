// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <openquant/core/error.hpp>
#include <openquant/metric/kl_divergence.hpp>

namespace llm {

namespace oq = openquant;

/// One method, measured on one model.
struct result {
  std::string method, family, type;
  double bits_per_weight = 0;  ///< all that is stored for the quantized layers, over their weights
  oq::metric::kl_divergence::statistics divergence{};
  double perplexity = 0;
  double seconds = 0;           ///< calibration and quantization, without evaluation
  double peak_memory = 0;       ///< of the process while quantizing, MiB
  int worse_than_rounding = 0;  ///< layers where error feedback did harm
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
          {"layers_worse_than_rounding", r.worse_than_rounding},
          {"on_pareto_front", r.on_front}};
}

/// Writes beside the target and renames, so that the target is whole or absent.
inline void write_file(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path part = path.string() + ".part";
  std::ofstream out(part, std::ios::binary);
  out << text;
  out.close();
  if (!out) oq::fail("cannot write ", part.string());
  std::filesystem::rename(part, path);
}

/// Mean KLD over bits per weight, a line for each family, drawn by gnuplot.
inline void plot(const std::vector<result>& results, const std::filesystem::path& path) {
  std::map<std::string, std::map<double, double>> families;  // name -> bits -> KLD
  for (const result& r : results) families[r.family][r.bits_per_weight] = r.divergence.mean;

  const std::string part = path.string() + ".part";
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
  if (pclose(pipe) != 0) oq::fail("plot: gnuplot failed to write ", part);
  std::filesystem::rename(part, path);
}

}  // namespace llm
