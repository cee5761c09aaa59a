// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <doctest/doctest.h>
#include <vector>

#include <openquant/core/random.hpp>
#include <openquant/cuda/workspace.hpp>

namespace {

using namespace openquant;
using cuda::workspace;

constexpr index_t grain = workspace::grain;

TEST_CASE("cuda::workspace: the first gap that holds a block, on multiples of the grain") {
  std::vector<unsigned char> memory(8 * grain);
  workspace all(memory.data(), 8 * grain);
  const auto at = [&](void* block) { return static_cast<unsigned char*>(block) - memory.data(); };
  void* const a = all.take(1);
  void* const b = all.take(3 * grain);
  void* const c = all.take(grain + 1);
  CHECK(at(a) == 0);
  CHECK(at(b) == grain);
  CHECK(at(c) == 4 * grain);
  CHECK(all.used() == 6 * grain);
  all.give(b);
  CHECK(at(all.take(2 * grain)) == grain);
  CHECK(at(all.take(2 * grain)) == 6 * grain);  // one is left of the gap
  CHECK(at(all.take(grain)) == 3 * grain);
  CHECK(all.used() == all.most_used());
  all.give(a);
  CHECK(at(all.take(grain)) == 0);
  CHECK(all.most_used() == 8 * grain);
}

TEST_CASE("cuda::workspace: what it lacks is told, and nothing is lost") {
  std::vector<unsigned char> memory(4 * grain);
  workspace all(memory.data(), 4 * grain);
  void* const a = all.take(grain);
  void* const b = all.take(grain);
  all.give(a);
  CHECK_THROWS_WITH_AS(all.take(3 * grain),
                       "cuda: workspace of 1024 bytes, 256 of them in use, has no 768 left in one "
                       "piece; plan() says how many a layer takes",
                       error);
  CHECK(all.used() == grain);
  all.give(&memory);  // none of its own
  all.give(b);
  CHECK(all.used() == 0);
  CHECK(all.take(4 * grain) == memory.data());
  CHECK_THROWS_AS(all.take(1), error);
  CHECK_THROWS_WITH_AS(workspace(nullptr, -1), "cuda: workspace of -1 bytes", error);
}

TEST_CASE("cuda::workspace: blocks in use never overlap, and all of it comes back") {
  std::vector<unsigned char> memory(64 * grain);
  workspace all(memory.data(), 64 * grain);
  struct block {
    unsigned char* begin;
    index_t bytes;
  };
  std::vector<block> blocks;
  index_t overlaps = 0, refused = 0;
  for (std::uint64_t k = 0; k < 4000; ++k) {
    const auto draw = random::bits(1, k);
    if (draw % 3 == 0 && !blocks.empty()) {
      const auto which = blocks.begin() + static_cast<index_t>((draw >> 8) % blocks.size());
      all.give(which->begin);
      blocks.erase(which);
      continue;
    }
    const auto bytes = static_cast<index_t>(1 + (draw >> 20) % 2000);
    try {
      const block taken{static_cast<unsigned char*>(all.take(bytes)), bytes};
      for (const block& b : blocks) {
        overlaps += taken.begin < b.begin + b.bytes && b.begin < taken.begin + bytes;
      }
      overlaps += taken.begin < memory.data() || taken.begin + bytes > memory.data() + 64 * grain;
      blocks.push_back(taken);
    } catch (const error&) {
      ++refused;
    }
  }
  CHECK(overlaps == 0);
  CHECK(refused > 0);
  for (const block& b : blocks) all.give(b.begin);
  CHECK(all.used() == 0);
  CHECK(all.take(64 * grain) == memory.data());
}

}  // namespace
