// SPDX-License-Identifier: Apache-2.0
#include "posix/scrubber.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <new>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "posix/os.hpp"

namespace lichen::posix {

namespace {

constexpr std::size_t kGapBytesMax = 4096;  // ranges that are nearer become one

// Changes memory that is read-only but for this moment. False: the kernel did not allow it.
template <typename Change>
bool change_read_only(const void* at, std::size_t bytes, Change change) {
  const auto begin = reinterpret_cast<std::uintptr_t>(at) / page_bytes() * page_bytes();
  const std::uintptr_t end = reinterpret_cast<std::uintptr_t>(at) + bytes;
  auto* page = reinterpret_cast<void*>(begin);
  if (::mprotect(page, end - begin, PROT_READ | PROT_WRITE) != 0) return false;
  change();
  return ::mprotect(page, end - begin, PROT_READ) == 0;
}

}  // namespace

Scrubber::Scrubber() : next_ns_(kNeverNs) {}

Scrubber::~Scrubber() {
  if (!blocks_.empty()) ::munmap(blocks_.data(), blocks_.size_bytes());
}

void Scrubber::add(ByteView range, Pages pages) {
  LICHEN_ASSERT(blocks_.empty());
  if (!range.empty()) ranges_.push_back({range, pages});
}

Result<void> Scrubber::arm(TimeNs period_ns, TimeNs now_ns) {
  if (period_ns <= 0 || ranges_.empty()) return {};
  join_ranges();
  if (ranges_.size() > kScrubRangesMax) {
    return fail(Code::kExhausted, "cannot watch over weights", {},
                fmt::format("{} pieces, the limit is {}", ranges_.size(), kScrubRangesMax));
  }
  LICHEN_TRY(list_blocks());
  copy_.reset(new (std::nothrow) std::byte[kSumBlockBytes]);
  if (copy_ == nullptr) return fail(Code::kExhausted, "cannot watch over weights", {}, "no memory");
  counters_.blocks = blocks_.size();
  period_ns_ = period_ns;
  next_ns_ = now_ns + period_ns_ / static_cast<TimeNs>(blocks_.size());
  return {};
}

void Scrubber::join_ranges() {
  const std::less<const std::byte*> before;
  std::ranges::sort(ranges_, before, [](const Range& range) { return range.bytes.data(); });
  std::vector<Range> joined;
  for (const Range& range : ranges_) {
    const std::byte* end = range.bytes.data() + range.bytes.size();
    Range* last = joined.empty() ? nullptr : &joined.back();
    const std::byte* last_end = last == nullptr ? nullptr : last->bytes.data() + last->bytes.size();
    // Between pieces of the heap lies what is not ours to watch.
    const std::size_t gap_max = range.pages == Pages::kReadOnly ? kGapBytesMax : 0;
    if (last == nullptr || last->pages != range.pages || before(last_end + gap_max, range.bytes.data())) {
      joined.push_back(range);
    } else if (before(last_end, end)) {
      last->bytes = {last->bytes.data(), static_cast<std::size_t>(end - last->bytes.data())};
    }
  }
  ranges_ = std::move(joined);
}

Result<void> Scrubber::list_blocks() {
  std::size_t count = 0;
  for (const Range& range : ranges_) count += (range.bytes.size() + kSumBlockBytes - 1) / kSumBlockBytes;
  void* at = ::mmap(nullptr, count * sizeof(Block), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot watch over weights");
  blocks_ = {static_cast<Block*>(at), count};
  Block* block = blocks_.data();
  for (const Range& range : ranges_) {
    for (std::size_t from = 0; from < range.bytes.size(); from += kSumBlockBytes) {
      const ByteView part = range.bytes.subspan(from, std::min(kSumBlockBytes, range.bytes.size() - from));
      new (block++) Block{part.data(), static_cast<std::uint32_t>(part.size()), range.pages, sum_of(part)};
    }
  }
  if (::mprotect(at, blocks_.size_bytes(), PROT_READ) != 0) return fail_errno(errno, "cannot watch over weights");
  return {};
}

TimeNs Scrubber::nap_until_ns() const {
  if (next_ns_ == kNeverNs) return kNeverNs;
  const TimeNs apart_ns = period_ns_ / static_cast<TimeNs>(blocks_.size());
  const TimeNs nap_ns = std::min(kScrubNapNs, period_ns_ / 4);
  return next_ns_ + std::max<TimeNs>(0, nap_ns - apart_ns);
}

Result<void> Scrubber::work(TimeNs now_ns) {
  if (now_ns < next_ns_) return {};
  const TimeNs apart_ns = std::max<TimeNs>(1, period_ns_ / static_cast<TimeNs>(blocks_.size()));
  for (std::size_t done = 0; done < kScrubBurstBlocksMax && now_ns >= next_ns_; ++done) {
    LICHEN_TRY(check(at_));
    at_ = (at_ + 1) % blocks_.size();
    next_ns_ += apart_ns;
  }
  // After a stop, or behind long jobs: what was missed is not made up for more than once.
  next_ns_ = std::max(next_ns_, now_ns - period_ns_);
  return {};
}

Result<void> Scrubber::check(std::size_t at) {
  const Block& block = blocks_[at];
  BlockSum found = sum_of({block.at, block.bytes});
  ++counters_.scrubbed;
  if (found == block.sum) [[likely]]
    return {};
  const auto one_is_right = [&] { return (found.crc == block.sum.crc) != (found.mix == block.sum.mix); };
  // A bit that flips behind one sum and before the other leaves one of them right, too: what is there now is summed
  // once more, or the flip would be taken into the record.
  if (one_is_right()) found = sum_of({block.at, block.bytes});
  if (found == block.sum) return {};
  // Any single flip in the block changes both sums: if one of them is right, the other's record is what was hit.
  const bool record_hit = one_is_right();
  if (record_hit ? mend_record(block, found) : mend(block, found)) return {};
  return fail(Code::kDataLoss, "weights damaged", fmt::format("block {} of {}", at + 1, blocks_.size()),
              "more than one bit differs");
}

bool Scrubber::mend(const Block& block, const BlockSum& found) {
  const std::optional<std::size_t> bit = locate_flip(block.bytes, block.sum.crc, found.crc);
  if (!bit) return false;
  // Proved on a copy first: both sums must come out right.
  std::copy_n(block.at, block.bytes, copy_.get());
  copy_[*bit / 8] ^= static_cast<std::byte>(1U << (*bit % 8));
  if (sum_of({copy_.get(), block.bytes}) != block.sum || !flip(block, *bit)) return false;
  ++counters_.flips_mended;
  return sum_of({block.at, block.bytes}) == block.sum;
}

bool Scrubber::flip(const Block& block, std::size_t bit) {
  auto* byte = const_cast<std::byte*>(block.at) + bit / 8;
  const auto change = [&] { *byte ^= static_cast<std::byte>(1U << (bit % 8)); };
  if (block.pages == Pages::kReadOnly) return change_read_only(byte, 1, change);
  change();
  return true;
}

bool Scrubber::mend_record(const Block& block, const BlockSum& right) {
  ++counters_.records_mended;
  return change_read_only(&block, sizeof block, [&] { const_cast<Block&>(block).sum = right; });
}

}  // namespace lichen::posix
