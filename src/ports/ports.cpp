// SPDX-License-Identifier: Apache-2.0
// Anchors the vtables of the ports in one place.
#include "ports/clock.hpp"
#include "ports/inference.hpp"
#include "ports/judge.hpp"
#include "ports/libraries.hpp"
#include "ports/random.hpp"
#include "ports/reflex.hpp"
#include "ports/shared_memory.hpp"
#include "ports/storage.hpp"
#include "ports/workers.hpp"

namespace lichen::ports {

Clock::~Clock() = default;
Libraries::~Libraries() = default;
Random::~Random() = default;
Storage::~Storage() = default;
Workers::~Workers() = default;
WorkerEvents::~WorkerEvents() = default;
void WorkerEvents::worker_measured(const WorkerMeasured& /*event*/) {}
Inference::~Inference() = default;
Answers::~Answers() = default;
Reflex::~Reflex() = default;
SharedRegion::~SharedRegion() = default;
SharedMemory::~SharedMemory() = default;
Judge::~Judge() = default;

std::string_view name_of(RefusalReason reason) {
  switch (reason) {
    case RefusalReason::kOverloaded:
      return "overloaded";
    case RefusalReason::kDeadlineTooShort:
      return "deadline_too_short";
    case RefusalReason::kDeadlineExceeded:
      return "deadline_exceeded";
    case RefusalReason::kNoRungAvailable:
      return "no_rung_available";
    case RefusalReason::kMinRungUnavailable:
      return "min_rung_unavailable";
    case RefusalReason::kStopping:
      return "stopping";
    case RefusalReason::kNoMajority:
      return "no_majority";
    case RefusalReason::kInputRefused:
      return "input_refused";
  }
  return "stopping";
}

std::string_view name_of(AnswerReason reason) {
  switch (reason) {
    case AnswerReason::kBest:
      return "best";
    case AnswerReason::kStarting:
      return "starting";
    case AnswerReason::kWorkerDied:
      return "worker_died";
    case AnswerReason::kWorkerFailed:
      return "worker_failed";
    case AnswerReason::kSlow:
      return "slow";
    case AnswerReason::kHung:
      return "hung";
    case AnswerReason::kBroken:
      return "broken";
    case AnswerReason::kProbation:
      return "probation";
    case AnswerReason::kOverload:
      return "overload";
    case AnswerReason::kDeadline:
      return "deadline";
    case AnswerReason::kImplausible:
      return "implausible";
    case AnswerReason::kOutvoted:
      return "outvoted";
    case AnswerReason::kMajority:
      return "majority";
    case AnswerReason::kConfident:
      return "confident";
    case AnswerReason::kPower:
      return "power";
    case AnswerReason::kOffline:
      return "offline";
    case AnswerReason::kBudget:
      return "budget";
  }
  return "best";
}

std::string_view name_of(WorkerEnd end) {
  switch (end) {
    case WorkerEnd::kStartFailed:
      return "start_failed";
    case WorkerEnd::kDied:
      return "died";
    case WorkerEnd::kKilled:
      return "killed";
  }
  return "died";
}

}  // namespace lichen::ports
