// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>

namespace openquant::test {

/// The larger, and NaN where either is: std::max would go on from a NaN to the next number, and a
/// bound on the worst of many errors would hold.
inline double worst(double so_far, double next) {
  return std::isnan(so_far) || next <= so_far ? so_far : next;
}

}  // namespace openquant::test
