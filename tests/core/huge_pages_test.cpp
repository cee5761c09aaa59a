// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/huge_pages.hpp>
#include <openquant/core/matrix.hpp>

namespace {

using namespace openquant;

TEST_CASE("huge_pages: a hint for any memory, which changes nothing") {
  std::vector<char> bytes(2 * worth_huge_pages + 5, 'x');
  advise_huge_pages(nullptr, 0);
  advise_huge_pages(bytes.data() + 3, bytes.size() - 3);
  advise_huge_pages(bytes.data() + 1, 100);
  CHECK(bytes == std::vector<char>(2 * worth_huge_pages + 5, 'x'));
}

TEST_CASE("huge_pages: matrices on both sides of the limit are zero, aligned, and copied whole") {
  constexpr auto limit = static_cast<index_t>(worth_huge_pages / sizeof(float));
  for (const index_t count : {index_t{1}, limit - 1, limit, limit + 1, 3 * limit + 7}) {
    matrix<float> a(1, count);
    const auto address = reinterpret_cast<std::uintptr_t>(a.data());
    CHECK(address % (count < limit ? 64 : huge_page) == 0);
    CHECK(a(0, 0) == 0);
    CHECK(a(0, count - 1) == 0);
    a(0, count - 1) = 3;
    const matrix<float> copy = a;
    CHECK(copy(0, count - 1) == 3);
    a = matrix<float>(2, 2);  // a large block is given back where a small one comes
    CHECK(a(1, 1) == 0);
  }
}

}  // namespace
