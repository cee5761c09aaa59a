// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <doctest/doctest.h>
#include <limits>
#include <string>
#include <vector>

#include <openquant/core/executor.hpp>
#include <openquant/core/random.hpp>
#include <openquant/metric/kl_divergence.hpp>

namespace {

using namespace openquant;
using metric::kl_divergence;
using metric::kl_of_window;
using metric::window_divergence;

matrix<float> normal_logits(index_t tokens, index_t vocab, float deviation, std::uint64_t seed) {
  matrix<float> x(tokens, vocab);
  for (index_t i = 0; i < tokens * vocab; ++i) {
    x.data()[i] = deviation * random::normal(seed, static_cast<std::uint64_t>(i));
  }
  return x;
}

matrix<float> close_to(const matrix<float>& x, float deviation, std::uint64_t seed) {
  matrix<float> y = normal_logits(x.rows(), x.cols(), deviation, seed);
  for (index_t i = 0; i < x.rows() * x.cols(); ++i) y.data()[i] += x.data()[i];
  return y;
}

struct oracle {
  double kl, tolerance;
};

/// sum p (log p - log q) in double. The tolerance is the float error of the header's formula to
/// first order, u = 2^-24: an exponential of argument a is off by u |a| for the argument and 4 u
/// for its own rounding, relatively; so are the two normalisers; d is off by 2 u times the
/// differences that it is made of. The result is rounded to float.
oracle brute_force(std::span<const float> teacher, std::span<const float> student) {
  constexpr double u = 0x1p-24;
  const double max_t = static_cast<double>(*std::max_element(teacher.begin(), teacher.end()));
  const double max_s = static_cast<double>(*std::max_element(student.begin(), student.end()));
  double z_t = 0, z_s = 0;
  for (std::size_t j = 0; j < teacher.size(); ++j) {
    z_t += std::exp(static_cast<double>(teacher[j]) - max_t);
    z_s += std::exp(static_cast<double>(student[j]) - max_s);
  }
  double kl = 0, error = 0, error_z_t = 0, error_z_s = 0, mean_d = 0;
  for (std::size_t j = 0; j < teacher.size(); ++j) {
    const double t = static_cast<double>(teacher[j]), s = static_cast<double>(student[j]);
    const double a = t - max_t, b = s - max_s, d = a - b;
    const double p = std::exp(a) / z_t, q = std::exp(b) / z_s;
    kl += p * (d + std::log(z_s) - std::log(z_t));
    mean_d += p * d;
    error += p * ((5 + std::fabs(a)) * std::fabs(d) +
                  2 * (std::fabs(t - s) + std::fabs(max_t - max_s) + std::fabs(d)));
    error_z_t += p * (4 + std::fabs(a));
    error_z_s += q * (4 + std::fabs(b));
  }
  error += error_z_t * (1 + std::fabs(mean_d)) + error_z_s + std::fabs(kl);
  return {kl, 1.01 * u * error + 1e-14};
}

TEST_CASE_TEMPLATE("kl_divergence: equals the sum in double", Arch, baseline_arch, default_arch) {
  for (const index_t vocab : {1, 3, 17, 4096}) {
    for (const float deviation : {0.01f, 1.0f, 8.0f}) {
      const auto teacher = normal_logits(3, vocab, 4.0f, 1);
      const auto student = close_to(teacher, deviation, 2);
      const auto window = kl_of_window<Arch>(teacher, student);
      for (index_t i = 0; i < 3; ++i) {
        const auto [kl, tolerance] = brute_force(teacher.row(i), student.row(i));
        const auto got = static_cast<double>(window.per_token[static_cast<std::size_t>(i)]);
        CAPTURE(vocab);
        CAPTURE(deviation);
        CHECK(std::fabs(got - kl) <= tolerance);
      }
    }
  }
}

TEST_CASE_TEMPLATE("kl_divergence: two classes have the closed form", Arch, baseline_arch,
                   default_arch) {
  // p = (3/4, 1/4), q = (1/2, 1/2): 3/4 log 3/2 + 1/4 log 1/2 = 0.130812...
  matrix<float> teacher(1, 2), student(1, 2);
  teacher(0, 0) = std::log(3.0f);
  kl_divergence kl;
  kl.add<Arch>(teacher, student);
  CHECK(kl.result().mean == doctest::Approx(0.1308120359).epsilon(1e-6));
}

TEST_CASE_TEMPLATE("kl_divergence: identical logits give exactly 0", Arch, baseline_arch,
                   default_arch) {
  for (const index_t vocab : {1, 3, 17, 4096}) {
    const auto x = normal_logits(2, vocab, 10.0f, 3);
    kl_divergence kl;
    kl.add<Arch>(x, x);
    const auto r = kl.result();
    CHECK(r.mean == 0);
    CHECK(r.p99 == 0);
    CHECK(r.top1 == 1);
  }
}

TEST_CASE_TEMPLATE("kl_divergence: a shift of all logits changes nothing", Arch, baseline_arch,
                   default_arch) {
  // Multiples of 1/8 shifted by an integer: every difference is exact, so are the results.
  matrix<float> teacher(1, 33), student(1, 33), shifted(1, 33);
  for (index_t j = 0; j < 33; ++j) {
    const auto i = static_cast<std::uint64_t>(j);
    teacher(0, j) = static_cast<float>(random::index(5, i, 64)) / 8;
    student(0, j) = static_cast<float>(random::index(6, i, 64)) / 8;
    shifted(0, j) = student(0, j) + 1000.0f;
  }
  const auto plain = kl_of_window<Arch>(teacher, student);
  CHECK(plain.per_token[0] > 0);
  CHECK(kl_of_window<Arch>(teacher, shifted).per_token[0] == plain.per_token[0]);
}

TEST_CASE_TEMPLATE("kl_divergence: extreme logits stay finite", Arch, baseline_arch, default_arch) {
  matrix<float> teacher(2, 9), student(2, 9);
  teacher(0, 0) = 1e4f, teacher(0, 8) = -1e4f;
  student(0, 0) = -1e4f, student(0, 8) = 1e4f;
  teacher(1, 0) = 0x1p125f, teacher(1, 8) = -0x1p125f;
  student(1, 0) = -0x1p125f, student(1, 8) = 0x1p125f;
  const auto window = kl_of_window<Arch>(teacher, student);
  // The teacher is certain of token 0, to which the student gives e^-20000, then e^-(2^126).
  CHECK(window.per_token[0] == 20000.0f);
  CHECK(window.per_token[1] == 0x1p126f);
  CHECK(window.agreements == 0);
}

window_divergence window_of(std::vector<float> values, index_t agreements = 0) {
  return {std::move(values), agreements};
}

TEST_CASE("kl_divergence: quantiles of hand cases") {
  kl_divergence one;
  one.add(window_of({5.0f}));
  CHECK(one.result().median == 5);
  CHECK(one.result().p99 == 5);

  kl_divergence odd;
  odd.add(window_of({3.0f, 1.0f}));
  odd.add(window_of({2.0f}));
  CHECK(odd.result().median == 2);

  kl_divergence even;
  even.add(window_of({4.0f, 1.0f, 2.0f, 8.0f}));
  CHECK(even.result().median == 3);
  CHECK(even.result().p99 == doctest::Approx(4 + 0.97 * 4));  // place 3 * 0.99 = 2.97

  kl_divergence hundred_one;
  std::vector<float> values;
  for (int i = 100; i >= 0; --i) values.push_back(static_cast<float>(i));
  hundred_one.add(window_of(values));
  CHECK(hundred_one.result().median == 50);
  CHECK(hundred_one.result().p99 == doctest::Approx(99));
}

TEST_CASE("kl_divergence: mean, standard error and top-1 of a hand case") {
  kl_divergence kl;
  kl.add(window_of({1.0f, 3.0f}, 1));  // window means 2, 4, 6: s.d. 2
  kl.add(window_of({4.0f, 4.0f}, 2));
  kl.add(window_of({5.0f, 7.0f}, 0));
  const auto r = kl.result();
  CHECK(r.mean == 4);
  CHECK(r.standard_error == doctest::Approx(2 / std::sqrt(3.0)));
  CHECK(r.top1 == 0.5);
  CHECK(r.tokens == 6);
  CHECK(r.windows == 3);
}

TEST_CASE("kl_divergence: windows of different length weigh by their tokens") {
  kl_divergence kl;
  kl.add(window_of({1.0f}));
  kl.add(window_of({3.0f, 3.0f, 3.0f}));
  // m = 10 / 4; 2 / 1 * ((1/4)^2 (1 - 2.5)^2 + (3/4)^2 (3 - 2.5)^2) = 9/16
  CHECK(kl.result().mean == 2.5);
  CHECK(kl.result().standard_error == doctest::Approx(0.75));
}

TEST_CASE("kl_divergence: one window has no standard error") {
  kl_divergence kl;
  kl.add(window_of({1.0f, 2.0f}));
  CHECK(std::isnan(kl.result().standard_error));
}

TEST_CASE("kl_divergence: paired comparison cancels what both share") {
  kl_divergence a, b;
  for (const float hardness : {1.0f, 10.0f, 100.0f, 1000.0f}) {
    a.add(window_of({hardness + 0.5f, hardness + 0.5f}));
    b.add(window_of({hardness, hardness}));
  }
  const auto paired = compare(a, b);
  CHECK(paired.mean == 0.5);
  CHECK(paired.standard_error == 0);
  CHECK(a.result().standard_error > 100);

  // Differences 1, 3: mean 2, s.d. sqrt 2, over sqrt 2.
  kl_divergence c, d;
  c.add(window_of({1.0f})), c.add(window_of({3.0f}));
  d.add(window_of({0.0f})), d.add(window_of({0.0f}));
  CHECK(compare(c, d).mean == 2);
  CHECK(compare(c, d).standard_error == doctest::Approx(1));
  CHECK(compare(d, c).mean == -2);
}

TEST_CASE("kl_divergence: windows evaluated in parallel give the same result") {
  constexpr index_t windows = 8;
  kl_divergence in_order, parallel;
  std::vector<matrix<float>> teacher, student;
  for (std::uint64_t w = 0; w < windows; ++w) {
    teacher.push_back(normal_logits(4, 50, 3.0f, 2 * w));
    student.push_back(close_to(teacher.back(), 0.3f, 2 * w + 1));
    in_order.add(teacher.back(), student.back());
  }
  std::vector<window_divergence> evaluated(windows);
  threads{4}.run(windows, [&](index_t w) {
    const auto k = static_cast<std::size_t>(w);
    evaluated[k] = kl_of_window(teacher[k], student[k]);
  });
  for (const auto& window : evaluated) parallel.add(window);
  const auto a = in_order.result(), b = parallel.result();
  CHECK(a.mean == b.mean);
  CHECK(a.standard_error == b.standard_error);
  CHECK(a.median == b.median);
  CHECK(a.p99 == b.p99);
  CHECK(a.top1 == b.top1);
  CHECK(compare(in_order, parallel).mean == 0);
}

TEST_CASE("kl_divergence: top-1 counts equal first maxima") {
  matrix<float> teacher(3, 4), student(3, 4);
  teacher(0, 2) = 1, student(0, 2) = 5;  // agree
  teacher(1, 2) = 1, student(1, 3) = 1;  // differ
  student(2, 0) = 1;                     // four equal teacher logits: the first counts
  CHECK(kl_of_window(teacher, student).agreements == 2);
}

TEST_CASE("kl_divergence: strided views") {
  const auto wide = normal_logits(4, 40, 2.0f, 9);
  const auto left = wide.view().block(1, 3, 2, 13), right = wide.view().block(1, 20, 2, 13);
  const matrix<float> a(left), b(right);
  CHECK(kl_of_window(left, right).per_token == kl_of_window(a, b).per_token);
}

std::string message_of(const auto& action) {
  try {
    action();
  } catch (const error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST_CASE("kl_divergence: hostile input is refused and nothing is added") {
  matrix<float> good(2, 3), bad(2, 3);
  bad(1, 2) = std::numeric_limits<float>::quiet_NaN();
  kl_divergence kl;
  CHECK(message_of([&] { kl.add(good, matrix<float>(2, 4)); }) ==
        "kl_divergence: teacher is (2, 3), student is (2, 4)");
  CHECK(message_of([&] { kl.add(good, matrix<float>(1, 3)); }) ==
        "kl_divergence: teacher is (2, 3), student is (1, 3)");
  CHECK_THROWS_AS(kl.add(matrix<float>(0, 3), matrix<float>(0, 3)), error);
  CHECK_THROWS_AS(kl.add(matrix<float>(3, 0), matrix<float>(3, 0)), error);
  CHECK(message_of([&] { kl.add(bad, good); }) ==
        "kl_divergence: teacher: logit 2 of token 1 is nan");
  CHECK(message_of([&] { kl.add(good, bad); }) ==
        "kl_divergence: student: logit 2 of token 1 is nan");
  CHECK_THROWS_AS(kl.add(window_divergence{}), error);
  CHECK(message_of([&] { kl.result(); }) == "kl_divergence: no window was added");
  CHECK_THROWS_AS(compare(kl, kl), error);

  kl.add(good, good);
  kl_divergence other;
  other.add(window_of({0.0f}));
  other.add(window_of({0.0f}));
  CHECK(message_of([&] { compare(kl, other); }) ==
        "kl_divergence: compare needs the same windows; a has 1 of 2 tokens in all, b has 2 of 2");
}

}  // namespace
