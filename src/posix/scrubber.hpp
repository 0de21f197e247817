// SPDX-License-Identifier: Apache-2.0
// Looks for flipped bits in memory that must not change: every block is summed once, then again and again, so that a
// whole pass takes one period. One flipped bit is put right where it is; anything worse is damage that nobody here can
// mend. One thread; call work() when next_ns() has come, as often as you like. It never allocates after arm().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "posix/block_sums.hpp"

namespace lichen::posix {

inline constexpr std::size_t kScrubRangesMax = 4096;     // pieces of constant memory
inline constexpr std::size_t kScrubBurstBlocksMax = 64;  // of one call of work(): some 0.5 ms
inline constexpr TimeNs kScrubNapNs = 50 * kMillisecondNs;  // an idle worker is woken no more often, if the period allows

struct ScrubCounters {
  std::uint64_t blocks = 0;          // there are
  std::uint64_t scrubbed = 0;        // summed again so far
  std::uint64_t flips_mended = 0;    // single bits, in the blocks
  std::uint64_t records_mended = 0;  // sums that were damaged while their block was not
};

class Scrubber {
 public:
  enum class Pages {
    kReadOnly,  // made writable for the moment of a repair only
    kWritable,  // part of the heap
  };

  Scrubber();
  ~Scrubber();
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  // Before arm(): constant memory that stays where it is. Overlapping and neighbouring ranges become one.
  void add(ByteView range, Pages pages);
  // Takes the memory as right from now on. A period of 0 leaves it alone.
  Result<void> arm(TimeNs period_ns, TimeNs now_ns);

  // When the next block is due; kNeverNs if there is nothing to do.
  [[nodiscard]] TimeNs next_ns() const { return next_ns_; }
  // Like next_ns(), for a sleeper: late enough for several blocks, so that it is not woken for each.
  [[nodiscard]] TimeNs nap_until_ns() const;
  // Sums what is due, at most kScrubBurstBlocksMax blocks. An Error is damage: "weights damaged", "block 17 of 240".
  Result<void> work(TimeNs now_ns);

  [[nodiscard]] const ScrubCounters& counters() const { return counters_; }

 private:
  struct Range {
    ByteView bytes;
    Pages pages = Pages::kReadOnly;
  };
  struct Block {
    const std::byte* at = nullptr;
    std::uint32_t bytes = 0;
    Pages pages = Pages::kReadOnly;
    BlockSum sum;
  };

  void join_ranges();
  Result<void> list_blocks();
  Result<void> check(std::size_t block);
  bool mend(const Block& block, const BlockSum& found);
  bool flip(const Block& block, std::size_t bit);
  bool mend_record(const Block& block, const BlockSum& right);

  std::vector<Range> ranges_;
  std::span<Block> blocks_;  // on pages of their own, read-only
  std::unique_ptr<std::byte[]> copy_;  // of a block under repair; touched only then
  std::size_t at_ = 0;
  TimeNs period_ns_ = 0;
  TimeNs next_ns_ = 0;
  ScrubCounters counters_;
};

}  // namespace lichen::posix
