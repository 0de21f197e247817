// SPDX-License-Identifier: Apache-2.0
// What passes between a door and the device: requests in, answers out. Both sides run on the device's one thread.
//
// The promise: for every request that is submitted, Answers hears exactly once, either answer() or refuse(), and never
// later than the request's deadline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/units.hpp"

namespace lichen::ports {

using RequestId = std::uint64_t;  // chosen by the door, unique while the request is open, never 0

inline constexpr std::uint32_t kRungsMax = 8;
inline constexpr std::uint32_t kAnyRung = kRungsMax - 1;  // as min_rung: whatever can answer

struct Request {
  RequestId id = 0;
  std::uint32_t model = 0;            // index into the device's configuration
  std::uint32_t min_rung = kAnyRung;  // the worst rung (0 is the best) whose answer the client still wants
  std::uint8_t priority = 0;          // higher goes first
  TimeNs deadline_ns = 0;             // on the monotonic clock; an answer later than this is worth nothing
  // The input tensors in the contract's order, dense row-major, little-endian. Owned by the door and alive until
  // Answers heard of this request.
  ByteView input;
};

// Why the answer came from this rung and not from a better one.
enum class AnswerReason : std::uint8_t {
  kBest,          // it is the best rung
  kStarting,      // better rungs are still starting
  kWorkerDied,    // the better rung's worker died with this request
  kWorkerFailed,  // the better rung's model refused this request
  kSlow,          // the better rung was slower than usual and this one was asked too (a hedge)
  kHung,          // the better rung did not answer in time for the deadline
  kBroken,        // better rungs are down: waiting to restart, or their breaker is open
  kProbation,     // better rungs came back a moment ago and must prove themselves first
  kOverload,      // better rungs are busy until after the deadline
  kDeadline,      // the deadline is too near for better rungs
  kImplausible,   // the better rung's answer was one that the model cannot give (not a number, out of range)
  kOutvoted,      // better rungs answered differently, and the majority agrees with this one
  kMajority,      // enough rungs agreed with this one before a better one had answered
  kConfident,     // a cascade: this cheaper rung was sure enough, better ones were not asked
  kPower,         // better rungs take more power than there is now
  kOffline,       // the better rung is in the cloud, and the link is down
  kBudget,        // the better rung is in the cloud, and its budget is spent
};
inline constexpr std::size_t kAnswerReasons = 17;
[[nodiscard]] std::string_view name_of(AnswerReason reason);

struct Answer {
  std::uint32_t rung = 0;
  AnswerReason reason = AnswerReason::kBest;
  TimeNs latency_ns = 0;  // from admission to this call
  // Where rungs vote: so many answered until it was decided, and so many of them agree with this answer. Else 0.
  std::uint8_t ballots = 0;
  std::uint8_t votes = 0;
  // The output tensors in the contract's order; valid during the call, and only until something else is submitted.
  ByteView output;
};

enum class RefusalReason : std::uint8_t {
  kOverloaded,          // queue full, and no lower rung is allowed or able to answer
  kDeadlineTooShort,    // nothing allowed could answer before it
  kDeadlineExceeded,    // admitted, but nothing allowed answered in time
  kNoRungAvailable,     // no rung can answer now
  kMinRungUnavailable,  // a rung could, but the client asked for a better one
  kStopping,            // the device is shutting down
  kNoMajority,          // rungs vote on this model, and not enough of them agreed
  kInputRefused,        // rungs were asked, and their models could do nothing with this input
};
inline constexpr std::size_t kRefusalReasons = 8;
[[nodiscard]] std::string_view name_of(RefusalReason reason);

struct Refusal {
  RefusalReason reason = RefusalReason::kNoRungAvailable;
  TimeNs retry_after_ns = 0;  // 0: unknown
  TimeNs latency_ns = 0;
};

class Answers {
 public:
  virtual ~Answers();
  virtual void answer(RequestId id, const Answer& answer) = 0;
  virtual void refuse(RequestId id, const Refusal& refusal) = 0;
};

class Inference {
 public:
  virtual ~Inference();
  // May call Answers before it returns.
  virtual void submit(const Request& request) = 0;
};

}  // namespace lichen::ports
