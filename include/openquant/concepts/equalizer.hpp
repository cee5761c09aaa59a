// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <span>
#include <string>
#include <vector>

#include <openquant/core/config.hpp>

namespace openquant {

/// A positive scale s_j for each input channel: W <- W diag(s), H <- diag(1/s) H diag(1/s).
///
///   E::name()            "smoothquant"
///   e.scales(diagonal)   s for the Hessian's diagonal (n); empty where every s_j is 1, and then
///                        nothing is stored. Finite and positive, zero channels included.
///
/// The solver stores s in fp16 and uses what it stored. Laws: docs/concepts/equalizer.md, asserted
/// by tests/laws/equalizer_laws.hpp.
template <class E>
concept Equalizer = std::copyable<E> && requires(const E e, std::span<const float> diagonal) {
  { E::name() } -> std::convertible_to<std::string>;
  { e.scales(diagonal) } -> std::same_as<std::vector<float>>;
};

}  // namespace openquant
