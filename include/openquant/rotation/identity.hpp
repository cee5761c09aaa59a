// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openquant/concepts/rotation.hpp>

namespace openquant::rotation {

/// No rotation: R = I, every length, nothing stored.
struct identity {
  static constexpr bool is_identity = true;
  struct bound {
    void apply(std::span<float>) const noexcept {}
    void apply_inverse(std::span<float>) const noexcept {}
  };

  static std::string name() { return "identity"; }
  index_t stored_bits(index_t) const { return 0; }
  bound bind(index_t) const { return {}; }
};

static_assert(Rotation<identity>);

}  // namespace openquant::rotation
