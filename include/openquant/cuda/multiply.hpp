// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <numeric>

#include <openquant/core/error.hpp>
#include <openquant/core/matrix.hpp>
#include <openquant/cuda/codes.hpp>

namespace openquant::cuda {

/// y = x W_hat^T straight from the codes, for `tokens` tokens a block, in the basis of the codes.
///
/// A block of 256 threads multiplies one strip of 16 rows: thread t takes rows 4 (t mod 4), ... of
/// the runs t / 4, t / 4 + 64, ..., so each of the activations that it loads serves 4 rows. Sums
/// are in float: over a thread's runs, then over the 8 threads of a warp that share rows, then over
/// the 8 warps, an order that depends on nothing but the shape.
///
/// For linear quantizers and up to 2 tokens, sums are scaled once a run in place of every weight.
template <DeviceQuantizer Q, Storage X, Storage Y, index_t tokens>
struct multiply_kernel {
  using run = code_run<Q>;
  static constexpr int threads = 256, resident = tokens <= 2 ? 2 : 1;
  static constexpr index_t runs = threads / 4, warps = threads / warp_size, rows = 16;
  static constexpr bool scales_sums = is_linear<Q> && tokens <= 2;
  static constexpr bool integer_levels = scales_sums && requires { requires Q::integer_levels; };
  /// What a thread loads of a token at once, of which a run is a multiple: up to 16 bytes, or 8
  /// where registers are scarce, beside a tile's words and with the sums of 8 tokens.
  static constexpr std::size_t x_bytes = run::tile || tokens > 4 ? 8 : 16;
  using x_packet = packet<X, std::gcd<std::size_t, std::size_t>(x_bytes, run::cols * sizeof(X))>;
  struct shared {
    shared_table<Q> table;
    float sum[warps][rows / 4][4 * tokens];
  };

  codes_view<Q> codes;
  const X* x;
  index_t x_stride;
  Y* y;
  index_t y_stride, count;  // tokens in all
  bool x_in_packets;        // every run of every token begins with a packet

  index_t grid() const { return codes.strips() * ((count + tokens - 1) / tokens); }

  template <class Block>
  OPENQUANT_DEVICE void operator()(Block& block, shared& memory) const {
    const index_t strip = block.index() % codes.strips();
    const index_t token = block.index() / codes.strips() * tokens;
    load_table(block, threads, codes, memory.table);
    auto sums = block.template per_thread<vec<float, 4 * tokens>>();
    block.each([&](int t) {
      sums[t] = {};
      const X* from[tokens];
      OPENQUANT_UNROLL
      for (index_t i = 0; i < tokens; ++i) {  // what is not there is computed with, and dropped
        from[i] = x + (token + i < count ? token + i : token) * x_stride;
      }
      const index_t per_group = run::in_group(codes.shape), groups = codes.shape.groups();
      const index_t groups_on = runs / per_group, runs_on = runs % per_group;
      index_t g = t / 4 / per_group, u = t / 4 % per_group;  // no more divisions from here on
      while (g < groups) {
        add_run(from, table_of(codes, memory.table), strip, g, u, t % 4, sums[t]);
        g += groups_on;
        u += runs_on;
        if (u >= per_group) {
          u -= per_group;
          ++g;
        }
      }
    });
    add_over_warp(block, sums, 4);
    block.run([&](int t) {
      if (t % warp_size >= 4) return;
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4 * tokens; ++i) memory.sum[t / warp_size][t % 4][i] = sums[t][i];
    });
    block.each([&](int t) {
      if (t >= rows * tokens) return;
      const index_t r = t % rows, i = t / rows, row = strip * rows + r;
      float sum = 0;
      for (index_t w = 0; w < warps; ++w) sum += memory.sum[w][r / 4][r % 4 * tokens + i];
      if (row < codes.rows && token + i < count) {
        y[(token + i) * y_stride + row] = narrowed<Y>(codes.unit * sum);
      }
    });
  }

 private:
  /// The next of a token's numbers, of which `left` are there; the others are 0.
  OPENQUANT_DEVICE static x_packet load(const X* from, bool whole, index_t left) {
    if (whole) return load_packet<X, sizeof(x_packet)>(from);
    x_packet some;
    OPENQUANT_UNROLL
    for (index_t i = 0; i < x_packet::size; ++i) some.x[i] = i < left ? from[i] : X{};
    return some;
  }

  /// sums[i tokens + j] += row i of the run times token j.
  OPENQUANT_DEVICE void add_run(const X* const (&from)[tokens], const table_entry<Q>* table,
                                index_t strip, index_t g, index_t u, index_t quad,
                                vec<float, 4 * tokens>& sums) const {
    const index_t group = g * codes.shape.group_size, first = group + u * run::cols;
    const index_t group_end = group + codes.shape.group_size;
    const index_t end = group_end < codes.shape.cols ? group_end : codes.shape.cols;
    if (first >= end) return;
    const run_scales<Q> s = load_scales(codes, strip, g, quad);
    run_scales<Q> under = s;
    vec<float, 4 * tokens> part{};
    float of_x[tokens] = {};
    if constexpr (scales_sums) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4; ++i) {
        under[i] = {};
        under[i][0] = linear_unit<Q>;
      }
    }
    const bool whole = x_in_packets && first + run::cols <= end;
    x_packet now[tokens];
    decode_run<integer_levels>(
        codes, table, strip, g, u, quad, under, [&](index_t k, const vec<float, 4>& weights) {
          OPENQUANT_UNROLL
          for (index_t j = 0; j < tokens; ++j) {
            if (k % x_packet::size == 0) now[j] = load(from[j] + first + k, whole, end - first - k);
            const float value = widened(now[j].x[k % x_packet::size]);
            if constexpr (scales_sums) of_x[j] += value;
            OPENQUANT_UNROLL
            for (index_t i = 0; i < 4; ++i) {
              float& sum = scales_sums ? part[i * tokens + j] : sums[i * tokens + j];
              sum = mul_add(weights[i], value, sum);
            }
          }
        });
    if constexpr (scales_sums) {
      OPENQUANT_UNROLL
      for (index_t i = 0; i < 4; ++i) {
        OPENQUANT_UNROLL
        for (index_t j = 0; j < tokens; ++j) {
          float sum = part[i * tokens + j];
          if constexpr (linear_unit<Q> != 1) sum = sum * (1 / linear_unit<Q>);
          if constexpr (Q::scale_fields == 2) sum = sum - s[i][1] * of_x[j];
          sums[i * tokens + j] = mul_add(s[i][0], sum, sums[i * tokens + j]);
        }
      }
    }
  }
};

/// Calls run(kernel) with the kernel for as many tokens, up to 8 a block.
/// Throws openquant::error where the shapes do not fit.
template <DeviceQuantizer Q, Storage X, Storage Y, class Run>
void with_multiply_kernel(const codes_view<Q>& codes, matrix_view<const X, device> x,
                          matrix_view<Y, device> y, const Run& run) {
  if (x.cols() != codes.shape.cols || y.cols() != codes.rows || x.rows() != y.rows()) {
    fail("cuda: multiply of x (", x.rows(), ", ", x.cols(), ") by (", codes.rows, ", ",
         codes.shape.cols, ") codes of ", Q::name(), " to y (", y.rows(), ", ", y.cols(), ")");
  }
  const bool groups_are_aligned =
      codes.shape.group_size * static_cast<index_t>(sizeof(X)) % 16 == 0;
  const auto with = [&]<index_t tokens>() {
    run(multiply_kernel<Q, X, Y, tokens>{codes, x.data(), x.stride(), y.data(), y.stride(),
                                         x.rows(), rows_are_aligned(x) && groups_are_aligned});
  };
  if (x.rows() <= 1)
    with.template operator()<1>();
  else if (x.rows() <= 2)
    with.template operator()<2>();
  else if (x.rows() <= 4)
    with.template operator()<4>();
  else
    with.template operator()<8>();
}

}  // namespace openquant::cuda
