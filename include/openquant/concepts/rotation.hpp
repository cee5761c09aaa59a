// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <span>
#include <string>

#include <openquant/core/config.hpp>

namespace openquant {

/// An orthogonal map R of row vectors of any length it supports: W <- W R^T, H <- R H R^T.
///
///   R::name()               "hadamard"
///   r.bind(n)               the map for length n; throws openquant::error, with what would work,
///                           where n is not supported
///   bound.apply(x)          x <- R x      for one row x of n floats, in place
///   bound.apply_inverse(x)  x <- R^T x
///   r.stored_bits(n)        bits that must be stored to build the map again
///
/// Laws: docs/concepts/rotation.md, asserted by tests/laws/rotation_laws.hpp.
template <class R>
concept Rotation = std::copyable<R> && requires(const R r, index_t n, std::span<float> x) {
  { R::name() } -> std::convertible_to<std::string>;
  { r.stored_bits(n) } -> std::same_as<index_t>;
  r.bind(n).apply(x);
  r.bind(n).apply_inverse(x);
};

/// A rotation that says of itself, by a static constant `is_identity`, that it changes nothing: who
/// would transform a whole Hessian with it need not.
template <class R>
concept IdentityRotation = Rotation<R> && requires {
  requires R::is_identity;
};

/// A rotation that turns the outputs too, W <- R_out W R^T:
///
///   r.bind_outputs(m)        R_out for length m, as bind(n)
///   r.stored_output_bits(m)  bits to build it again
template <class R>
concept TwoSidedRotation = Rotation<R> && requires(const R r, index_t m, std::span<float> y) {
  { r.stored_output_bits(m) } -> std::same_as<index_t>;
  r.bind_outputs(m).apply(y);
  r.bind_outputs(m).apply_inverse(y);
};

}  // namespace openquant
