// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <concepts>
#include <utility>
#include <vector>

#include <openquant/concepts/rotation.hpp>
#include <openquant/core/float16.hpp>
#include <openquant/cuda/kronecker_hadamard.hpp>
#include <openquant/linalg/hadamard.hpp>

/// Rotations of rows on a device D,
///
///   d.zeros<T>(rows, cols)  a matrix of zeros there, with view()
///   d.write(from, to)       host to device; `from` may go when it returns
///   d.run(kernel, name)     all blocks of a kernel
///
/// for which `cuda::queue` stands, and a loop on the host in the tests.
namespace openquant::cuda {

/// A bound rotation that says what it is: R = diag(after) (H, ..., H) diag(before), with H of order
/// `block` as `linalg::hadamard_transform` has it, but not normalised.
template <class B>
concept SignSandwich = requires(const B b) {
  { b.block() } -> std::same_as<index_t>;
  { b.before() } -> std::same_as<std::vector<float>>;
  { b.after() } -> std::same_as<std::vector<float>>;
};

/// A rotation that may have a kernel, on both of its sides.
template <class R>
concept DeviceRotation = Rotation<R> &&(IdentityRotation<R> ||
                                        requires(const R r) {
                                          { r.bind(index_t{}) } -> SignSandwich;
                                        }) &&
                         (!TwoSidedRotation<R> || requires(const R r) {
                           { r.bind_outputs(index_t{}) } -> SignSandwich;
                         });

/// Has the transform of so many numbers a kernel?
inline bool has_transform_kernel(index_t block) {
  const auto size = linalg::split_hadamard(block);
  if (!size) return false;
  return size->m == 1 ? has_hadamard_kernel(block) : has_hadamard_kernel(size->m, block);
}

/// A matrix on D.
template <class D, class T>
using matrix_on = decltype(std::declval<const D&>().template zeros<T>(index_t{}, index_t{}));

/// A row of numbers on D, or no row where there are none.
template <class D>
matrix_on<D, float> row_on(const D& d, const std::vector<float>& of) {
  auto to = d.template zeros<float>(of.empty() ? 0 : 1, std::ssize(of));
  if (!of.empty()) d.write(matrix_view<const float>(of.data(), 1, std::ssize(of)), to.view());
  return to;
}

/// The scales of an equalizer, as they are stored, in float.
inline std::vector<float> widened(const std::vector<float16>& scales) {
  std::vector<float> s;
  for (const float16 scale : scales) s.push_back(to_float(scale));
  return s;
}

/// T = R S^-1 for rows on D, and its transpose S^-1 R^T: a rotation with the equalizer's division
/// in the pass that it takes anyway. S = diag(s) is the identity unless s is given.
template <class D>
class device_rotation {
 public:
  /// Waits. Throws openquant::error where R is of an order that no kernel has.
  ///
  /// Shapes:  s : (n), positive, or empty
  template <SignSandwich B>
  device_rotation(const D& d, const B& b, const std::vector<float16>& s = {})
      : block_(checked(b.block())),
        before_(row_on(d, over(b.before(), widened(s)))),
        after_(row_on(d, b.after())) {
    const index_t m = linalg::split_hadamard(block_)->m;
    if (m == 1) return;  // Sylvester's matrix is symmetric
    signs_ = bits_on(d, hadamard_sign_bits(m));
    transposed_ = bits_on(d, hadamard_sign_bits(m, true));
  }

  /// y <- T x for each row x of X, on d. X and Y may be the same matrix.
  ///
  /// Shapes:  x, y : (rows, n)
  template <Storage In, Storage Out>
  void apply(const D& d, matrix_view<const In, device> x, matrix_view<Out, device> y) const {
    run(d, x, y, signs_, {before_.data()}, {after_.data()});
  }
  /// y <- T^T x, which without scales is the inverse.
  template <Storage In, Storage Out>
  void apply_transposed(const D& d, matrix_view<const In, device> x,
                        matrix_view<Out, device> y) const {
    run(d, x, y, transposed_, {after_.data()}, {before_.data()});
  }

 private:
  static index_t checked(index_t block) {
    if (!has_transform_kernel(block)) fail("cuda: no kernel has a rotation of order ", block);
    return block;
  }
  static std::vector<float> over(std::vector<float> d, const std::vector<float>& s) {
    for (std::size_t j = 0; j < s.size(); ++j) d[j] /= s[j];
    return d;
  }
  static matrix_on<D, std::uint16_t> bits_on(const D& d, const matrix<std::uint16_t>& bits) {
    auto to = d.template zeros<std::uint16_t>(bits.rows(), bits.cols());
    d.write(bits.view(), to.view());
    return to;
  }

  template <Storage In, Storage Out>
  void run(const D& d, matrix_view<const In, device> x, matrix_view<Out, device> y,
           const matrix_on<D, std::uint16_t>& signs, factors before, factors after) const {
    const auto launch = [&](const auto& kernel) { d.run(kernel, "hadamard"); };
    if (signs.rows() == 0)
      with_hadamard_kernel(x, y, block_, before, after, launch);
    else
      with_hadamard_kernel(x, y, block_, signs.view(), before, after, launch);
  }

  index_t block_;
  matrix_on<D, float> before_, after_;
  matrix_on<D, std::uint16_t> signs_, transposed_;
};

}  // namespace openquant::cuda
