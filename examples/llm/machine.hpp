// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <fstream>
#include <string>

#if defined(OPENQUANT_USE_BLAS)
extern "C" void openblas_set_num_threads(int);
#endif

/// What an experiment notes about the machine it ran on (Linux).
namespace llm {

/// Wall time since it was made.
class stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Value of a "name : value" line of a file in /proc, or nothing.
inline std::string proc_value(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(name, 0) != 0) continue;
    const auto colon = line.find(':');
    const auto first = line.find_first_not_of(" \t", colon + 1);
    return first == std::string::npos ? "" : line.substr(first);
  }
  return "";
}

inline std::string machine_name() {
  const std::string name = proc_value("/proc/cpuinfo", "model name");
  return name.empty() ? "unknown processor" : name;
}

/// Lets the kernel count the process's peak memory anew; where it refuses, the peak is the
/// process's.
inline void reset_peak_memory() { std::ofstream("/proc/self/clear_refs") << "5"; }

/// Peak resident memory since then, MiB; 0 where unknown.
inline double peak_memory_mib() {
  return std::atof(proc_value("/proc/self/status", "VmHWM").c_str()) / 1024;
}

/// The threads of this program already share the cores; a BLAS with its own would fight them.
inline void use_one_blas_thread() {
#if defined(OPENQUANT_USE_BLAS)
  openblas_set_num_threads(1);
#endif
}

}  // namespace llm
