// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <algorithm>
#include <map>

#include <openquant/core/config.hpp>
#include <openquant/core/error.hpp>

namespace openquant::cuda {

/// Device memory of the caller's from which everything on one stream takes what it needs, and to
/// which it gives it back: the host keeps the book, and the device is asked for nothing. Blocks
/// begin on multiples of `grain` bytes, each in the first gap that holds it.
///
/// What is given back may be taken again at once, although the stream has not come so far: what
/// then uses it comes later on the same stream. Hence one stream, and one thread, at a time.
class workspace {
 public:
  static constexpr index_t grain = 256;

  /// `memory` begins on a multiple of `grain`, as what CUDA allocates does, and outlives this and
  /// what the stream still has to do with it.
  workspace(void* memory, index_t bytes)
      : memory_(static_cast<unsigned char*>(memory)), bytes_(bytes) {
    if (bytes < 0) fail("cuda: workspace of ", bytes, " bytes");
  }
  workspace(const workspace&) = delete;
  workspace& operator=(const workspace&) = delete;

  /// A block of so many bytes, which `give` takes back. Throws openquant::error where no gap is as
  /// long.
  void* take(index_t bytes) {
    const index_t whole = (bytes + grain - 1) / grain * grain;
    index_t at = 0;
    for (const auto& [begin, size] : blocks_) {
      if (begin - at >= whole) break;
      at = begin + size;
    }
    if (at + whole > bytes_) {
      fail("cuda: workspace of ", bytes_, " bytes, ", used_, " of them in use, has no ", bytes,
           " left in one piece; plan() says how many a layer takes");
    }
    blocks_.emplace(at, whole);
    used_ += whole;
    most_ = std::max(most_, used_);
    return memory_ + at;
  }
  void give(const void* block) noexcept {
    const auto found = blocks_.find(static_cast<const unsigned char*>(block) - memory_);
    if (found == blocks_.end()) return;
    used_ -= found->second;
    blocks_.erase(found);
  }

  /// Bytes in use, and the most that were.
  index_t used() const { return used_; }
  index_t most_used() const { return most_; }

 private:
  unsigned char* memory_;
  index_t bytes_, used_ = 0, most_ = 0;
  std::map<index_t, index_t> blocks_;  // in use: where each begins, and its bytes
};

}  // namespace openquant::cuda
