// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include <openquant/core/config.hpp>
#include <openquant/core/contract.hpp>

namespace openquant {

/// A (rows, cols) table of fields of `width` bits, 0 to 57. A row is one bit string, least
/// significant bit first, filled up to a whole byte:
///
///   byte       0        1        2
///   bit    76543210 76543210 76543210
///   field  22111000 54443332 77766655      width 3, fields 0 to 7
///
/// Two threads may write different rows at the same time.
class bit_matrix {
 public:
  static constexpr int max_width = 57;  // a field and its bit offset fit one 64-bit word

  bit_matrix() = default;
  bit_matrix(index_t rows, index_t cols, int width)
      : rows_(rows),
        cols_(cols),
        width_(width),
        bytes_(static_cast<std::size_t>(memory_bytes(rows, cols, width))) {
    OPENQUANT_EXPECTS(0 <= width && width <= max_width);
  }

  /// Bytes that such a table holds in memory.
  static index_t memory_bytes(index_t rows, index_t cols, int width) {
    return rows * ((cols * width + 7) / 8) + slack;
  }

  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  int width() const { return width_; }
  /// Bytes of one row, rounded up.
  index_t row_bytes() const { return (cols_ * width_ + 7) / 8; }
  /// Bytes of the table as stored.
  index_t size_bytes() const { return rows_ * row_bytes(); }
  std::uint8_t* data() { return bytes_.data(); }
  const std::uint8_t* data() const { return bytes_.data(); }

  std::uint64_t get(index_t i, index_t j) const {
    if (width_ == 0) return 0;
    const place at = locate(i, j);
    std::uint64_t word;
    std::memcpy(&word, bytes_.data() + at.byte, sizeof word);
    return (word >> at.shift) & mask();
  }

  /// Writes a field that is still zero.
  void set(index_t i, index_t j, std::uint64_t field) {
    OPENQUANT_EXPECTS((field & ~mask()) == 0);
    const place at = locate(i, j);
    field <<= at.shift;
    // Byte by byte: the neighbouring row may be written by another thread.
    for (std::uint8_t* byte = bytes_.data() + at.byte; field != 0; field >>= 8) {
      *byte++ |= static_cast<std::uint8_t>(field);
    }
  }

  /// Writes `count` fields from (i, j) on that are still zero, field(0), ..., field(count - 1), of
  /// at most 32 bits: as so many `set`, by whole words.
  template <class Field>
  void set_run(index_t i, index_t j, index_t count, const Field& field) {
    OPENQUANT_EXPECTS(width_ <= 32 && count <= cols_ - j);
    if (count == 0) return;
    const place at = locate(i, j);
    std::uint8_t* byte = bytes_.data() + at.byte;
    std::uint64_t word = *byte;  // with what lies before
    int used = at.shift;
    for (index_t k = 0; k < count; ++k) {
      const auto next = static_cast<std::uint64_t>(field(k));
      OPENQUANT_EXPECTS((next & ~mask()) == 0);
      word |= next << used;
      used += width_;
      if (used < 32) continue;
      for (int b = 0; b < 4; ++b) byte[b] = static_cast<std::uint8_t>(word >> 8 * b);
      byte += 4, word >>= 32, used -= 32;
    }
    for (; used > 0; used -= 8, word >>= 8) *byte++ |= static_cast<std::uint8_t>(word);
  }

  friend bool operator==(const bit_matrix&, const bit_matrix&) = default;

 private:
  static constexpr index_t slack = 8;  // get() reads whole words
  struct place {
    index_t byte;
    int shift;
  };

  std::uint64_t mask() const { return (std::uint64_t{1} << width_) - 1; }
  place locate(index_t i, index_t j) const {
    OPENQUANT_EXPECTS(0 <= i && i < rows_ && 0 <= j && j < cols_);
    const index_t bit = j * width_;
    return {i * row_bytes() + bit / 8, static_cast<int>(bit % 8)};
  }

  index_t rows_ = 0, cols_ = 0;
  int width_ = 0;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace openquant
