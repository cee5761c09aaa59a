// SPDX-License-Identifier: Apache-2.0
// Reads what Google Benchmark wrote (--benchmark_out, JSON) and prints it as Markdown tables:
//   report [--plot FILE.svg] [--growth FILE.svg] OUT.json ...
// Quantizers, which have the counters of bench/common.hpp, go into one table of rate and distortion
// on N(0,1) and into the plot; every other bench into a row of its counters. --growth draws how
// cost grows.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "growth.hpp"

namespace {

using json = nlohmann::json;

struct quantizer {
  std::string name;
  double bits, mse, error, gap, published, fit, encode, decode, times_scalar;
};

std::string number(double x, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

quantizer read_quantizer(const json& run) {
  const auto counter = [&](const char* name) { return run.at(name).get<double>(); };
  return {
      run.at("name"),       counter("bits"),        counter("mse"),    counter("standard_error"),
      counter("gap_db"),    counter("published"),   counter("fit_ns"), counter("encode_ns"),
      counter("decode_ns"), counter("times_scalar")};
}

void print(std::vector<quantizer>& all) {
  std::ranges::sort(all, {}, [](const quantizer& q) { return std::pair{q.bits, q.mse}; });
  std::cout
      << "| quantizer | bits/weight | MSE on N(0,1) | s.e. | gap to 2^-2R, dB | published MSE "
         "| fit ns/weight | encode ns/weight | decode ns/weight | times scalar |\n"
         "|---|---|---|---|---|---|---|---|---|---|\n";
  for (const quantizer& q : all) {
    std::cout << "| " << q.name << " | " << number(q.bits, "%.4g") << " | " << number(q.mse, "%.4g")
              << " | " << number(q.error, "%.1g") << " | " << number(q.gap, "%.2f") << " | "
              << (q.published > 0 ? number(q.published, "%.4g") : "") << " | "
              << number(q.fit, "%.3g") << " | " << number(q.encode, "%.3g") << " | "
              << number(q.decode, "%.2g") << " | " << number(q.times_scalar, "%.2g") << " |\n";
  }
}

/// The name up to its first parameter that is a rate: what is drawn as one line.
std::string family(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) text += c;
  }
  if (name.starts_with("trellis")) {  // trellis<B, L, code>
    const auto first = name.find(", ");
    return "trellis, L" + (first == std::string::npos ? "" : " = " + name.substr(first + 2, 2));
  }
  return text.substr(0, text.find('<')) +
         (text.find("e<") != std::string::npos || name.find("e8,") != std::string::npos ? " E8"
                                                                                        : "");
}

/// Distance from Shannon's bound over the rate, a line for each family, drawn by gnuplot.
void plot(const std::vector<quantizer>& all, const std::string& path) {
  std::vector<std::string> families;
  for (const quantizer& q : all) {
    if (std::ranges::find(families, family(q.name)) == families.end()) {
      families.push_back(family(q.name));
    }
  }
  FILE* pipe = popen("gnuplot", "w");
  if (pipe == nullptr) throw std::runtime_error("plot: gnuplot does not start");
  std::fprintf(pipe,
               "set terminal svg size 900,600 font 'sans,14' background 'white'\nset output '%s'\n"
               "set grid\nset key outside right noenhanced\nset offsets 0.2,0.2,0.2,0.2\n"
               "set xlabel 'bits per weight'\nset yrange [0:*]\n"
               "set ylabel 'distance from the rate-distortion bound of N(0,1), dB'\nplot ",
               path.c_str());
  for (std::size_t i = 0; i < families.size(); ++i) {
    std::fprintf(pipe, "%s'-' using 1:2 with linespoints lw 2 pt %zu ps 0.7 title '%s'",
                 i > 0 ? ", " : "", i % 12 + 1, families[i].c_str());
  }
  std::fputs("\n", pipe);
  for (const std::string& name : families) {
    for (const quantizer& q : all) {
      if (family(q.name) == name) std::fprintf(pipe, "%g %g\n", q.bits, q.gap);
    }
    std::fputs("e\n", pipe);
  }
  if (pclose(pipe) != 0) throw std::runtime_error("plot: gnuplot failed to write " + path);
}

void print_other(const json& run) {
  static const std::vector<std::string> known{"name",
                                              "family_index",
                                              "per_family_instance_index",
                                              "run_name",
                                              "run_type",
                                              "repetitions",
                                              "repetition_index",
                                              "threads",
                                              "iterations",
                                              "real_time",
                                              "cpu_time",
                                              "time_unit"};
  std::cout << "| " << run.at("name").get<std::string>() << " | "
            << number(run.at("real_time").get<double>(), "%.4g") << " "
            << run.at("time_unit").get<std::string>() << " | ";
  const char* separator = "";
  for (const auto& [key, value] : run.items()) {
    if (std::ranges::find(known, key) != known.end() || !value.is_number()) continue;
    std::cout << separator << key << " " << number(value.get<double>(), "%.4g");
    separator = ", ";
  }
  std::cout << " |\n";
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<quantizer> quantizers;
  std::vector<json> others, all;
  std::string svg, growth;
  int failed = 0;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--plot" && i + 1 < argc) {
      svg = argv[++i];
      continue;
    }
    if (std::string(argv[i]) == "--growth" && i + 1 < argc) {
      growth = argv[++i];
      continue;
    }
    std::ifstream file(argv[i]);
    if (!file) throw std::runtime_error(std::string("cannot open ") + argv[i]);
    const json document = json::parse(file);
    for (const json& run : document.at("benchmarks")) {
      if (run.value("error_occurred", false)) {
        std::cerr << run.at("name") << ": " << run.value("error_message", "") << '\n';
        ++failed;
        continue;
      }
      all.push_back(run);
      if (run.contains("gap_db")) {
        quantizers.push_back(read_quantizer(run));
      } else {
        others.push_back(run);
      }
    }
  }
  if (!quantizers.empty()) print(quantizers);
  if (!svg.empty() && !quantizers.empty()) plot(quantizers, svg);
  if (!growth.empty()) openquant::bench::plot_growth(all, growth);
  if (!others.empty()) std::cout << "\n| bench | time | figures |\n|---|---|---|\n";
  for (const json& run : others) print_other(run);
  return failed;
} catch (const std::exception& failure) {
  std::cerr << "report: " << failure.what() << '\n';
  return 1;
}
