// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/core/config.hpp>

namespace openquant {

/// The memory that quantizing one layer takes, in bytes, known before a weight is read: what a
/// method's `plan` returns. The weights and the Hessian that are given are not counted, nor the
/// matrix of a dense rotation and its copies, nor what a BLAS allocates for itself.
struct memory_plan {
  index_t output = 0;     ///< codes and scales of the result
  index_t factor = 0;     ///< the factorization, which layers with the same input share
  index_t workspace = 0;  ///< beside both, at most

  index_t peak() const { return output + factor + workspace; }
};

}  // namespace openquant
