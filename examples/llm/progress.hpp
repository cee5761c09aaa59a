// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <chrono>
#include <cstdio>
#include <string>
#include <unistd.h>

namespace llm {

/// How far a job of known length is: on a terminal one line that redraws itself, with a bar and the
/// time left; elsewhere a plain line each time the label changes. (Debian 12 has no C++ progress
/// bar with the time left.)
class progress {
 public:
  explicit progress(double total) : total_(total), on_terminal_(isatty(STDERR_FILENO) == 1) {}
  ~progress() {
    if (on_terminal_) std::fputs("\r\033[K", stderr);
  }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  /// `done` of the total is behind us, and `label` is what happens now.
  void show(double done, const std::string& label) {
    if (!on_terminal_) {
      if (label != label_) std::fprintf(stderr, "%s\n", label.c_str());
      label_ = label;
      return;
    }
    constexpr int width = 30;
    const double part = total_ > 0 ? done / total_ : 1;
    const double elapsed =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    std::string bar(width, '.');
    for (int i = 0; i < static_cast<int>(part * width); ++i) bar[static_cast<std::size_t>(i)] = '#';
    std::string left = "?";
    if (part > 0.01) {
      const int seconds = static_cast<int>(elapsed / part - elapsed);
      left = std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    }
    std::fprintf(stderr, "\r\033[K[%s] %3.0f %%, %s left, %s", bar.c_str(), 100 * part,
                 left.c_str(), label.c_str());
    std::fflush(stderr);
  }

 private:
  double total_;
  bool on_terminal_;
  std::string label_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace llm
