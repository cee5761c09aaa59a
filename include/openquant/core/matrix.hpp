// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/contract.hpp>
#include <openquant/core/huge_pages.hpp>

namespace openquant {

/// Where the elements live. It is part of a view's type, so host code cannot take a device view.
struct host {};
struct device {};

/// A row-major window of (rows, cols) elements, `stride` elements from row to row. Owns nothing.
template <class T, class Space = host>
class matrix_view {
 public:
  using value_type = std::remove_const_t<T>;
  using memory_space = Space;

  matrix_view() = default;
  OPENQUANT_HD matrix_view(T* data, index_t rows, index_t cols, index_t stride)
      : data_(data), rows_(rows), cols_(cols), stride_(stride) {}
  OPENQUANT_HD matrix_view(T* data, index_t rows, index_t cols)
      : matrix_view(data, rows, cols, cols) {}
  /// A view of mutable elements is also a view of constant ones.
  template <class U>
  requires(std::is_same_v<const U, T> && !std::is_same_v<U, T>) OPENQUANT_HD
      matrix_view(const matrix_view<U, Space>& other)
      : matrix_view(other.data(), other.rows(), other.cols(), other.stride()) {}

  OPENQUANT_HD T* data() const { return data_; }
  OPENQUANT_HD index_t rows() const { return rows_; }
  OPENQUANT_HD index_t cols() const { return cols_; }
  OPENQUANT_HD index_t stride() const { return stride_; }
  OPENQUANT_HD bool empty() const { return rows_ == 0 || cols_ == 0; }

  OPENQUANT_HD T& operator()(index_t i, index_t j) const {
    OPENQUANT_EXPECTS(0 <= i && i < rows_ && 0 <= j && j < cols_);
    return data_[i * stride_ + j];
  }
  std::span<T> row(index_t i) const {
    OPENQUANT_EXPECTS(0 <= i && i < rows_);
    return {data_ + i * stride_, static_cast<std::size_t>(cols_)};
  }
  /// The window of (rows, cols) elements whose upper left corner is (i, j).
  OPENQUANT_HD matrix_view block(index_t i, index_t j, index_t rows, index_t cols) const {
    OPENQUANT_EXPECTS(0 <= i && i + rows <= rows_ && 0 <= j && j + cols <= cols_);
    return {data_ + i * stride_ + j, rows, cols, stride_};
  }

 private:
  T* data_ = nullptr;
  index_t rows_ = 0, cols_ = 0, stride_ = 0;
};

/// A <- A^T for a square A. Tiles are turned in a buffer of their own: where the rows of A are a
/// power of two apart, those of a tile would push each other out of the cache.
template <class T>
void transpose(matrix_view<T> a) {
  OPENQUANT_EXPECTS(a.rows() == a.cols());
  constexpr index_t tile = 16;
  const index_t n = a.rows();
  T upper[tile][tile], lower[tile][tile];
  for (index_t i0 = 0; i0 < n; i0 += tile) {
    const index_t rows = i0 + tile < n ? tile : n - i0;
    for (index_t j0 = 0; j0 <= i0; j0 += tile) {
      const index_t cols = j0 + tile < n ? tile : n - j0;
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) lower[j][i] = a(i0 + i, j0 + j);
      }
      for (index_t j = 0; j < cols; ++j) {
        for (index_t i = 0; i < rows; ++i) upper[i][j] = a(j0 + j, i0 + i);
      }
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) a(i0 + i, j0 + j) = upper[i][j];
      }
      for (index_t j = 0; j < cols; ++j) {
        for (index_t i = 0; i < rows; ++i) a(j0 + j, i0 + i) = lower[j][i];
      }
    }
  }
}

/// B <- A^T, of (rows, cols) to (cols, rows), by tiles as well.
template <class T>
void transpose(std::type_identity_t<matrix_view<const T>> a, matrix_view<T> b) {
  OPENQUANT_EXPECTS(b.rows() == a.cols() && b.cols() == a.rows());
  constexpr index_t tile = 16;
  T turned[tile][tile];
  for (index_t i0 = 0; i0 < a.rows(); i0 += tile) {
    const index_t rows = i0 + tile < a.rows() ? tile : a.rows() - i0;
    for (index_t j0 = 0; j0 < a.cols(); j0 += tile) {
      const index_t cols = j0 + tile < a.cols() ? tile : a.cols() - j0;
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) turned[j][i] = a(i0 + i, j0 + j);
      }
      for (index_t j = 0; j < cols; ++j) {
        for (index_t i = 0; i < rows; ++i) b(j0 + j, i0 + i) = turned[j][i];
      }
    }
  }
}

/// What lies above the diagonal of a square A <- what lies below, by tiles as in `transpose`.
template <class T>
void mirror_lower(matrix_view<T> a) {
  OPENQUANT_EXPECTS(a.rows() == a.cols());
  constexpr index_t tile = 16;
  const index_t n = a.rows();
  T turned[tile][tile];
  for (index_t i0 = 0; i0 < n; i0 += tile) {
    const index_t rows = i0 + tile < n ? tile : n - i0;
    for (index_t j0 = 0; j0 <= i0; j0 += tile) {
      const index_t cols = j0 + tile < n ? tile : n - j0;
      for (index_t i = 0; i < rows; ++i) {
        for (index_t j = 0; j < cols; ++j) turned[j][i] = a(i0 + i, j0 + j);
      }
      for (index_t j = 0; j < cols; ++j) {
        const index_t below = i0 == j0 ? j + 1 : 0;  // on the diagonal, only what lies above it
        for (index_t i = below; i < rows; ++i) a(j0 + j, i0 + i) = turned[j][i];
      }
    }
  }
}

/// Hands out memory on cache-line boundaries: a lane load of any width is then aligned. Large
/// blocks are on boundaries of huge pages, and made of them where the system has any.
template <class T>
struct aligned_allocator {
  using value_type = T;

  aligned_allocator() = default;
  template <class U>
  aligned_allocator(const aligned_allocator<U>&) {}
  T* allocate(std::size_t n) {
    void* p = ::operator new(n * sizeof(T), alignment(n));
    if (worth_it(n)) advise_huge_pages(p, n * sizeof(T));
    return static_cast<T*>(p);
  }
  void deallocate(T* p, std::size_t n) { ::operator delete(p, alignment(n)); }
  template <class U>
  bool operator==(const aligned_allocator<U>&) const {
    return true;
  }

 private:
  static bool worth_it(std::size_t n) { return n * sizeof(T) >= worth_huge_pages; }
  static std::align_val_t alignment(std::size_t n) {
    return std::align_val_t{worth_it(n) ? huge_page : 64};
  }
};

template <class T>
using aligned_vector = std::vector<T, aligned_allocator<T>>;

/// A row-major matrix that owns its elements, zero at the start; rows lie one after the other.
template <class T>
class matrix {
 public:
  using value_type = T;

  matrix() = default;
  matrix(index_t rows, index_t cols)
      : elements_(static_cast<std::size_t>(rows * cols)), rows_(rows), cols_(cols) {}
  /// A copy of what the view shows.
  explicit matrix(matrix_view<const T> view) : matrix(view.rows(), view.cols()) {
    for (index_t i = 0; i < rows_; ++i) {
      for (index_t j = 0; j < cols_; ++j) (*this)(i, j) = view(i, j);
    }
  }

  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  T* data() { return elements_.data(); }
  const T* data() const { return elements_.data(); }
  T& operator()(index_t i, index_t j) { return view()(i, j); }
  const T& operator()(index_t i, index_t j) const { return view()(i, j); }
  std::span<T> row(index_t i) { return view().row(i); }
  std::span<const T> row(index_t i) const { return view().row(i); }

  matrix_view<T> view() { return {data(), rows_, cols_}; }
  matrix_view<const T> view() const { return {data(), rows_, cols_}; }
  operator matrix_view<T>() { return view(); }
  operator matrix_view<const T>() const { return view(); }

  friend bool operator==(const matrix&, const matrix&) = default;

 private:
  aligned_vector<T> elements_;
  index_t rows_ = 0, cols_ = 0;
};

}  // namespace openquant
