// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cmath>
#include <string>
#include <utility>

#include <openquant/concepts/tile.hpp>
#include <openquant/core/binary_stream.hpp>
#include <openquant/core/executor.hpp>
#include <openquant/layer/multiplier.hpp>
#include <openquant/layer/report.hpp>

namespace openquant::rotation {
struct identity;
}
namespace openquant::equalizer {
struct identity;
}

namespace openquant {

/// A quantized weight matrix (m, n): packed codes and scales, the transforms they live in, and the
/// report. Made by `gptq` and `round_to_nearest`, and by `load`.
///
/// As stored, with g = group_size, d = Q::dim, t = tile_rows<Q> and f = code_fields<Q>:
///
///   codes   (ceil(m / t), ceil(n / d) f) fields of field_bits<Q> bits
///
///   scales  (m, ceil(n / g)) fields of q.scale_bits() bits
///
///   s       n fp16 values, for an equalizer that has any
///
///   unit    one factor for the matrix
///
/// Where d does not divide n, or t does not divide m, the last codes also cover columns and rows
/// that are not there; their bits are stored and counted.
template <Quantizer Q, Rotation R = rotation::identity, Equalizer E = equalizer::identity>
class quantized {
 public:
  /// The packed form of an (m, n) matrix, still all zero. Throws openquant::error where m or n is
  /// 0. group_size is rounded up to whole blocks of Q::dim columns; -1 is the whole row.
  quantized(const Q& q, const R& r, const E& e, index_t rows, index_t cols, index_t group_size,
            basis<R> basis)
      : q_(q),
        r_(r),
        e_(e),
        basis_(std::move(basis)),
        outputs_(r, checked_rows(rows, cols)),
        rows_(rows),
        cols_(cols),
        group_size_(resolve(cols, group_size)),
        packed_(zero_codes(q, rows, shape())) {}

  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  index_t group_size() const { return group_size_; }
  /// The basis of the codes, of inputs and outputs.
  const openquant::basis<R>& inputs() const { return basis_; }
  const output_basis<R>& outputs() const { return outputs_; }
  const Q& quantizer() const { return q_; }
  const packed_codes& packed() const { return packed_; }
  /// The factor over which the weights were coded.
  float unit() const { return unit_; }
  const openquant::report& report() const { return report_; }

  /// For the solver, which fills in the bits, the factor over which the weights were coded, and the
  /// report.
  packed_codes& packed() { return packed_; }
  void complete(float unit, const openquant::report& report) {
    unit_ = unit;
    report_ = report;
  }

  /// A group size as it is used: columns, whole blocks.
  static index_t resolve(index_t cols, index_t group_size) {
    const index_t g = group_size == -1 ? cols : std::min(group_size, cols);
    if (g < 1) fail("group_size ", group_size, " is neither positive nor -1 (the whole row)");
    return blocks_of(g) * Q::dim;
  }
  /// Bytes of memory that the codes and scales of an (m, n) matrix take. Throws as the constructor.
  static index_t packed_bytes(const Q& q, index_t rows, index_t cols, index_t group_size) {
    checked_rows(rows, cols);
    return openquant::packed_bytes(q, rows, strip_shape<Q>{cols, resolve(cols, group_size)});
  }

  /// Bits that must be stored to decode: codes, scales, the equalizer's, the rotation's, the unit.
  index_t payload_bits() const {
    const auto equalizer_bits = static_cast<index_t>(16 * basis_.scales().size());
    return 8 * (packed_.codes.size_bytes() + packed_.scales.size_bytes()) + equalizer_bits +
           stored_rotation_bits(r_, rows(), cols()) + 8 * static_cast<index_t>(sizeof unit_);
  }
  /// payload_bits over the number of weights. A saved file has a header more: names, shape, options
  /// and report.
  double bits_per_weight() const {
    return static_cast<double>(payload_bits()) / static_cast<double>(rows() * cols());
  }

  /// W_hat in the original basis, (m, n).
  template <class Arch = default_arch>
  matrix<float> dequantize() const {
    matrix<float> w(rows(), cols());
    decode_codes<Arch>(q_, archive(), shape(), unit_, w);
    outputs_.weights_from(w);
    for (index_t i = 0; i < rows(); ++i) basis_.weight_from(w.row(i));
    return w;
  }

  /// y = x W_hat^T from the packed codes, which are brought into lanes anew: for more than a few
  /// products `prepare` first.
  ///
  /// Shapes:  x : (tokens, n), y : (tokens, m); throws openquant::error otherwise
  template <class Arch = default_arch, Executor X = serial>
  void multiply(matrix_view<const float> x, matrix_view<float> y, X&& executor = {}) const {
    multiply_layer("quantized.multiply", rows(), cols(), basis_, outputs_, x, y,
                   [&](matrix_view<const float> a, matrix_view<float> b) {
                     multiply_codes<Arch>(q_, archive(), shape(), a, unit_, b, executor);
                   });
  }

  /// A copy in a layout made for products.
  template <class Layout = layout::lanes<16>>
  multiplier<Q, R, Layout> prepare() const {
    return {q_, packed_, shape(), basis_, outputs_, unit_};
  }

  /// "uniform<4>|hadamard|smoothquant": what a file says it holds.
  static std::string type_name() { return Q::name() + "|" + R::name() + "|" + E::name(); }

  /// Writes header and payload. Throws openquant::error where the stream fails.
  void save(std::ostream& out) const {
    write(out, magic);
    write(out, type_name());
    for (const std::int64_t n : {rows(), cols(), group_size_}) write(out, n);
    write_members(out, report_);
    write_members(out, q_);
    write_members(out, e_);
    write_members(out, r_);
    write(out, unit_);
    for (const float16 s : basis_.scales()) write(out, s.bits);
    write(out, packed_.scales);
    write(out, packed_.codes);
  }

  /// Reads what `save` wrote. Throws openquant::error where the stream holds another type, ends
  /// early or holds impossible sizes or values, or cannot seek (sizes are checked before anything
  /// is allocated).
  static quantized load(std::istream& in) {
    std::uint32_t found;
    read(in, found);
    if (found != magic) fail("load: this is not an OpenQuant matrix");
    std::string name;
    read(in, name);
    if (name != type_name()) fail("load: the stream holds ", name, ", asked for ", type_name());
    std::int64_t m, n, group_size;
    read(in, m), read(in, n), read(in, group_size);
    constexpr std::int64_t most = std::int64_t{1} << 31;
    if (m < 1 || n < 1 || m >= most || n >= most || group_size < 1 ||
        group_size != resolve(n, group_size)) {
      fail("load: impossible shape (", m, ", ", n, "), group size ", group_size);
    }
    openquant::report report;
    Q q{};
    E e{};
    R r{};
    read_members(in, report), read_members(in, q), read_members(in, e), read_members(in, r);
    // Before anything of that size is allocated.
    const index_t left = remaining_bytes(in), groups = (n + group_size - 1) / group_size;
    const index_t tile_bytes = (blocks_of(n) * Q::code_bits + 7) / 8;
    const index_t scale_bytes = (groups * q.scale_bits() + 7) / 8;
    if (tiles_of(m) > left / tile_bytes ||
        (scale_bytes > 0 && m > (left - tiles_of(m) * tile_bytes) / scale_bytes)) {
      fail("load: (", m, ", ", n, ") weights in groups of ", group_size, " need ", tile_bytes,
           " bytes of codes a row of codes and ", scale_bytes, " of scales a row, the stream has ",
           left, " in all");
    }
    float unit;
    read(in, unit);
    check_unit(q, unit);
    // An equalizer stores either nothing or n scales; which one shows on any diagonal.
    const bool has_scales = !e.scales(std::vector<float>(1, 1.0f)).empty();
    std::vector<float16> s(has_scales ? static_cast<std::size_t>(n) : 0);
    for (float16& value : s) {
      read(in, value.bits);
      if (!(to_float(value) > 0) || !std::isfinite(to_float(value))) {
        fail("load: equalizer scale ", to_float(value));
      }
    }
    quantized result(q, r, e, m, n, group_size, openquant::basis<R>(r, n, std::move(s)));
    result.complete(unit, report);
    read(in, result.packed_.scales);
    read(in, result.packed_.codes);
    result.check_scales();
    return result;
  }

  /// The same bits and options; how they came about, the report, is not compared.
  friend bool operator==(const quantized& a, const quantized& b) {
    return equal_members(a.q_, b.q_) && equal_members(a.r_, b.r_) && equal_members(a.e_, b.e_) &&
           a.basis_.scales() == b.basis_.scales() && a.group_size_ == b.group_size_ &&
           a.unit_ == b.unit_ && a.packed_ == b.packed_;
  }

 private:
  static constexpr std::uint32_t magic = 0x3151514fu;  // "OQQ1"

  static index_t blocks_of(index_t cols) { return (cols + Q::dim - 1) / Q::dim; }
  static index_t tiles_of(index_t rows) { return (rows + tile_rows<Q> - 1) / tile_rows<Q>; }

  static index_t checked_rows(index_t rows, index_t cols) {
    if (rows < 1 || cols < 1) {
      fail("quantized: nothing to store in a (", rows, ", ", cols, ") matrix");
    }
    return rows;
  }
  /// With scales the unit is a power of two, 2^-126 to 2^120; without, any factor or 0.
  static void check_unit(const Q& q, float unit) {
    int exponent = 0;
    const bool power_of_two = std::frexp(unit, &exponent) == 0.5f && exponent <= 121;
    if (!std::isfinite(unit) || unit < 0 || (q.scale_bits() > 0 && !power_of_two)) {
      fail("load: unit ", unit, " is not a ", q.scale_bits() > 0 ? "power of two" : "factor",
           " in range");
    }
  }

  void check_scales() const {
    for (index_t i = 0; i < packed_.scales.rows(); ++i) {
      for (index_t j = 0; j < packed_.scales.cols(); ++j) {
        const auto s = q_.unpack(packed_.scales.get(i, j));
        for (index_t k = 0; k < Q::scale_fields; ++k) {
          if (!std::isfinite(s[k])) fail("load: scale of row ", i, ", group ", j, " is ", s[k]);
        }
      }
    }
  }

  strip_shape<Q> shape() const { return {cols(), group_size_}; }
  layout::rows::codes<Q> archive() const { return {q_, packed_, shape()}; }

  Q q_;
  [[no_unique_address]] R r_;
  [[no_unique_address]] E e_;
  openquant::basis<R> basis_;
  output_basis<R> outputs_;
  openquant::report report_;
  float unit_ = 1;
  index_t rows_, cols_, group_size_;
  packed_codes packed_;
};

/// Reads a `quantized<...>` that `save` wrote: `load<decltype(q)>(stream)`.
template <class Quantized>
Quantized load(std::istream& in) {
  return Quantized::load(in);
}

}  // namespace openquant
