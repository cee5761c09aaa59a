// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <ostream>
#include <tuple>

#include <openquant/core/config.hpp>

namespace openquant {

/// What happened while one weight matrix was quantized. It travels with the result and is saved
/// with it, so that no outcome is silent.
struct report {
  index_t tokens = 0;          ///< calibration tokens seen; 0: quantized without data
  index_t dead_channels = 0;   ///< inputs that were always zero: rounded, without feedback
  index_t factorizations = 0;  ///< Cholesky attempts; more than 1: the damping had to be raised
  double damping = 0;          ///< used, relative to the mean of the live diagonal
  double relative_error = 0;   ///< tr((W - W^) H (W - W^)^T) / tr(W H W^T); H = I without data
  double round_to_nearest_error =
      0;  ///< the same for rounding with the same Q, R, E and scales' rule

  /// False where error feedback did harm, which low damping and few tokens can bring about.
  bool beats_round_to_nearest() const { return relative_error <= round_to_nearest_error; }

  template <class Self>
  static constexpr auto members(Self& self) {
    return std::tie(self.tokens, self.dead_channels, self.factorizations, self.damping,
                    self.relative_error, self.round_to_nearest_error);
  }
  friend bool operator==(const report&, const report&) = default;
};

/// One line: "4096 tokens, 0 dead channels, damping 0.01, error 0.0067 (round-to-nearest 0.0137)".
inline std::ostream& operator<<(std::ostream& out, const report& r) {
  out << r.tokens << " tokens, " << r.dead_channels << " dead channels, damping " << r.damping;
  if (r.factorizations > 1) out << " (raised, attempt " << r.factorizations << ")";
  return out << ", error " << r.relative_error << " (round-to-nearest " << r.round_to_nearest_error
             << ")";
}

}  // namespace openquant
