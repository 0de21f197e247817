// SPDX-License-Identifier: Apache-2.0
#include "posix/worker_channel.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "base/assert.hpp"
#include "posix/clock.hpp"

namespace lichen::posix {

namespace {

constexpr std::size_t kAlignment = 64;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

TimeNs now_ns() {
  return MonotonicClock().now_ns();
}

inline void relax_cpu() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  asm volatile("yield");
#endif
}

}  // namespace

std::size_t ChannelMapping::bytes_of(std::size_t input_bytes, std::size_t output_bytes) {
  return kChannelHeaderBytes + aligned(input_bytes) + aligned(output_bytes);
}

Result<ChannelMapping> ChannelMapping::map(int memory_fd, std::size_t input_bytes, std::size_t output_bytes) {
  const std::size_t bytes = bytes_of(input_bytes, output_bytes);
  struct stat status{};
  if (::fstat(memory_fd, &status) != 0) return fail_errno(errno, "cannot map the worker channel");
  if (static_cast<std::size_t>(status.st_size) != bytes) {
    return fail(Code::kBadInput, "cannot map the worker channel", {}, "its size is not what the contract needs");
  }
  void* at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map the worker channel");
  return ChannelMapping(at, input_bytes, output_bytes);
}

ChannelMapping::ChannelMapping(ChannelMapping&& other) noexcept
    : at_(std::exchange(other.at_, nullptr)), input_bytes_(other.input_bytes_), output_bytes_(other.output_bytes_) {}

ChannelMapping::~ChannelMapping() {
  if (at_ != nullptr) ::munmap(at_, bytes_of(input_bytes_, output_bytes_));
}

std::span<std::byte> ChannelMapping::input() const {
  return {static_cast<std::byte*>(at_) + kChannelHeaderBytes, input_bytes_};
}

std::span<std::byte> ChannelMapping::output() const {
  return {static_cast<std::byte*>(at_) + kChannelHeaderBytes + aligned(input_bytes_), output_bytes_};
}

AgentChannel::AgentChannel(Fd memory_fd, ChannelMapping mapping, std::size_t output_bytes)
    : memory_fd_(std::move(memory_fd)), mapping_(std::move(mapping)), answer_(output_bytes) {}

Result<AgentChannel> AgentChannel::create(std::size_t input_bytes, std::size_t output_bytes,
                                          std::uint32_t spin_ns_max) {
  Fd memory(::memfd_create("lichen-worker", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.valid()) return fail_errno(errno, "cannot make shared memory");
  if (::ftruncate(memory.get(), static_cast<off_t>(ChannelMapping::bytes_of(input_bytes, output_bytes))) != 0) {
    return fail_errno(errno, "cannot size shared memory");
  }
  // Without the seals a worker could shrink the file and make the agent's next access a SIGBUS.
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail_errno(errno, "cannot seal shared memory");
  }
  ChannelMapping mapping = LICHEN_TRY(ChannelMapping::map(memory.get(), input_bytes, output_bytes));
  auto* header = new (&mapping.header()) ChannelHeader{};
  header->magic = kChannelMagic;
  header->version = kChannelVersion;
  header->input_bytes = input_bytes;
  header->output_bytes = output_bytes;
  header->spin_ns_max = std::min(spin_ns_max, kSpinNsMax);
  return AgentChannel(std::move(memory), std::move(mapping), output_bytes);
}

void AgentChannel::submit(ByteView input) {
  LICHEN_ASSERT(!in_flight_);
  LICHEN_ASSERT(input.size() == mapping_.input().size());
  ChannelHeader& header = mapping_.header();
  std::ranges::copy(input, mapping_.input().begin());
  header.agent_parked.store(0, std::memory_order_relaxed);
  in_flight_ = true;
  // Sequentially consistent, as in sleep_for_job: either we see that it parks, or it sees the new number.
  header.request_seq.store(++seq_, std::memory_order_seq_cst);
  if (header.worker_parked.load(std::memory_order_seq_cst) != 0) futex_wake(header.request_seq, 1);
}

AgentChannel::Poll AgentChannel::poll() {
  const ChannelHeader& header = mapping_.header();
  const std::uint32_t seq = header.response_seq.load(std::memory_order_acquire);
  if (!in_flight_) return seq == seq_ ? Poll::kNothing : Poll::kViolation;
  if (seq == seq_ - 1) return Poll::kNothing;
  if (seq != seq_) return Poll::kViolation;
  const std::uint32_t status = header.status.load(std::memory_order_relaxed);
  if (status > static_cast<std::uint32_t>(JobStatus::kRefused)) return Poll::kViolation;
  const std::uint64_t compute_ns = header.compute_ns.load(std::memory_order_relaxed);
  status_ = static_cast<JobStatus>(status);
  compute_ns_ = static_cast<TimeNs>(std::min<std::uint64_t>(compute_ns, kHourNs));
  if (status_ == JobStatus::kOk) std::ranges::copy(mapping_.output(), answer_.begin());
  in_flight_ = false;
  return Poll::kAnswered;
}

bool AgentChannel::prepare_to_park() {
  ChannelHeader& header = mapping_.header();
  // Sequentially consistent, as in respond(): either it sees that we park, or we see its answer.
  header.agent_parked.store(1, std::memory_order_seq_cst);
  const std::uint32_t seq = header.response_seq.load(std::memory_order_seq_cst);
  return seq == (in_flight_ ? seq_ - 1 : seq_);
}

ChannelState AgentChannel::state() const {
  const std::uint32_t state = mapping_.header().state.load(std::memory_order_acquire);
  return state <= static_cast<std::uint32_t>(ChannelState::kFailed) ? static_cast<ChannelState>(state)
                                                                    : ChannelState::kFailed;
}

std::string AgentChannel::detail() const {
  std::array<char, kChannelDetailBytesMax> copy{};
  std::ranges::copy(mapping_.header().detail, copy.begin());
  std::string text(copy.data(), ::strnlen(copy.data(), copy.size()));
  // It goes to logs and terminals: no control characters, no escapes.
  std::ranges::replace_if(text, [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return text;
}

ScrubCounters AgentChannel::scrub_counters() const {
  const ScrubWords& words = mapping_.header().scrub;
  return {words.blocks.load(std::memory_order_relaxed), words.scrubbed.load(std::memory_order_relaxed),
          words.flips_mended.load(std::memory_order_relaxed), words.records_mended.load(std::memory_order_relaxed)};
}

bool AgentChannel::damage() const {
  return mapping_.header().scrub.damage.load(std::memory_order_relaxed) != 0;
}

BlockSum AgentChannel::model_sum() const {
  const ScrubWords& words = mapping_.header().scrub;
  return {words.model_mix.load(std::memory_order_relaxed), words.model_crc.load(std::memory_order_relaxed)};
}

Result<std::unique_ptr<WorkerChannel>> WorkerChannel::attach(int memory_fd, int event_fd, std::size_t input_bytes,
                                                             std::size_t output_bytes) {
  ChannelMapping mapping = LICHEN_TRY(ChannelMapping::map(memory_fd, input_bytes, output_bytes));
  const ChannelHeader& header = mapping.header();
  if (header.magic != kChannelMagic || header.version != kChannelVersion || header.input_bytes != input_bytes ||
      header.output_bytes != output_bytes) {
    return fail(Code::kBadInput, "cannot attach to the worker channel", {}, "agent and worker differ in version",
                "install both from one build");
  }
  return std::unique_ptr<WorkerChannel>(new WorkerChannel(std::move(mapping), event_fd));
}

void WorkerChannel::register_life() {
  std::atomic<std::uint32_t>& life = mapping_.header().life;
  // The kernel finds the word at entry + offset, so that head and entry can both be private.
  robust_head_.list.next = &robust_entry_;
  robust_entry_.next = &robust_head_.list;
  robust_head_.futex_offset = reinterpret_cast<char*>(&life) - reinterpret_cast<char*>(&robust_entry_);
  robust_head_.list_op_pending = nullptr;
  ::syscall(SYS_set_robust_list, &robust_head_, sizeof robust_head_);
  // FUTEX_WAITERS: at death the kernel wakes only if somebody says that he waits.
  life.store(static_cast<std::uint32_t>(::syscall(SYS_gettid)) | FUTEX_WAITERS, std::memory_order_release);
  futex_wake(life, 1);
}

void WorkerChannel::set_state(ChannelState state) {
  mapping_.header().state.store(static_cast<std::uint32_t>(state), std::memory_order_release);
  signal_event(event_fd_);
}

void WorkerChannel::set_ready() {
  set_state(ChannelState::kReady);
}

void WorkerChannel::set_failed(std::string_view detail) {
  std::array<char, kChannelDetailBytesMax>& to = mapping_.header().detail;
  const std::size_t bytes = std::min(detail.size(), to.size() - 1);
  std::copy_n(detail.begin(), bytes, to.begin());
  to[bytes] = '\0';
  set_state(ChannelState::kFailed);
}

void WorkerChannel::set_model_sum(const BlockSum& sum) {
  ScrubWords& words = mapping_.header().scrub;
  words.model_mix.store(sum.mix, std::memory_order_relaxed);
  words.model_crc.store(sum.crc, std::memory_order_relaxed);
}

void WorkerChannel::set_scrub_counters(const ScrubCounters& counters) {
  ScrubWords& words = mapping_.header().scrub;
  words.blocks.store(counters.blocks, std::memory_order_relaxed);
  words.scrubbed.store(counters.scrubbed, std::memory_order_relaxed);
  words.flips_mended.store(counters.flips_mended, std::memory_order_relaxed);
  words.records_mended.store(counters.records_mended, std::memory_order_relaxed);
}

void WorkerChannel::set_damage() {
  mapping_.header().scrub.damage.store(1, std::memory_order_relaxed);
}

bool WorkerChannel::arrived() const {
  return mapping_.header().request_seq.load(std::memory_order_acquire) != seq_;
}

ByteView WorkerChannel::wait_for_job(TimeNs until_ns) {
  if (!spin_for_job(until_ns) && !sleep_for_job(until_ns)) return {};
  ++seq_;
  back_to_back_ = responded_ns_ != 0 && now_ns() - responded_ns_ < kBackToBackGapNsMax;
  return mapping_.input();
}

bool WorkerChannel::spin_for_job(TimeNs until_ns) const {
  if (arrived()) return true;
  const std::uint32_t spin_ns_max = mapping_.header().spin_ns_max;
  if (!back_to_back_ || spin_ns_max == 0) return false;
  const TimeNs end_ns = std::min(responded_ns_ + std::min(spin_ns_max, kSpinNsMax), until_ns);
  while (now_ns() < end_ns) {
    for (int i = 0; i < 16; ++i) {
      if (arrived()) return true;
      relax_cpu();
    }
  }
  return false;
}

bool WorkerChannel::sleep_for_job(TimeNs until_ns) {
  ChannelHeader& header = mapping_.header();
  header.worker_parked.store(1, std::memory_order_seq_cst);
  bool come = false;
  while (!(come = header.request_seq.load(std::memory_order_seq_cst) != seq_) && now_ns() < until_ns)
    futex_wait_until(header.request_seq, seq_, until_ns);
  header.worker_parked.store(0, std::memory_order_relaxed);
  return come;
}

void WorkerChannel::respond(JobStatus status, TimeNs compute_ns) {
  ChannelHeader& header = mapping_.header();
  header.status.store(static_cast<std::uint32_t>(status), std::memory_order_relaxed);
  header.compute_ns.store(static_cast<std::uint64_t>(compute_ns), std::memory_order_relaxed);
  header.response_seq.store(seq_, std::memory_order_seq_cst);
  if (header.agent_parked.load(std::memory_order_seq_cst) != 0) signal_event(event_fd_);
  responded_ns_ = now_ns();
}

}  // namespace lichen::posix
