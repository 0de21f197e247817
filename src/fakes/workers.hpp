// SPDX-License-Identifier: Apache-2.0
// Workers that answer from a table, with modelled durations and every way to fail: a start that fails or hangs, death
// with or without a job, a hang, slowness. The answer to a job is a function of (rung, input), so whoever looks at it
// can tell a fresh answer from a stale or foreign one.
//
// Nothing happens by itself: what is to come is pushed into the event queue with the kinds below, and the owner calls
// deliver() when it pops such an event.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/mix.hpp"
#include "fakes/event_queue.hpp"
#include "fakes/random.hpp"
#include "ports/judge.hpp"
#include "ports/workers.hpp"

namespace lichen::fakes {

using Answer = std::array<std::byte, 8>;

// What rung `rung` answers to `input`: four bytes that every rung says, four of its own.
[[nodiscard]] Answer table_answer(std::uint32_t rung, ByteView input);

// What tables mean: rungs agree if the common bytes are the same; all bits set cannot be.
class TableJudge : public ports::Judge {
 public:
  [[nodiscard]] bool plausible(ByteView output) const override;
  [[nodiscard]] bool agree(ByteView a, ByteView b) const override;
  [[nodiscard]] std::optional<Ppm> confidence(std::uint32_t rung, ByteView output) const override;
};

struct WorkerModel {
  TimeNs start_ns = 30 * kMillisecondNs;  // mean; the real one is uniform in [1/2, 3/2) of it
  std::array<TimeNs, 8> job_ns{};         // per rung, likewise
  TimeNs kill_ns = 300 * kMicrosecondNs;  // from kill() to gone
  TimeNs stuck_ns = kMinuteNs;            // likewise, if it is stuck in the kernel
};

struct WorkerTrouble {
  std::uint32_t slowdown = 1;  // starts and jobs take this many times longer
  std::uint32_t start_fails_ppm = 0;
  std::uint32_t start_hangs_ppm = 0;
  std::uint32_t job_dies_ppm = 0;     // the worker dies with the job
  std::uint32_t job_hangs_ppm = 0;    // it never answers
  std::uint32_t job_refused_ppm = 0;  // the model refuses the input
  std::uint32_t kill_stuck_ppm = 0;   // a killed worker goes only after a long time
};

class FakeWorkers : public ports::Workers {
 public:
  // `kind` and `kind + 1` are this object's event kinds in `queue`, for `target`.
  FakeWorkers(EventQueue& queue, std::uint32_t target, std::uint32_t kind, SeededRandom random, WorkerModel model)
      : queue_(queue), target_(target), kind_(kind), random_(random), model_(model) {}

  ports::WorkerId start(std::uint32_t model, std::uint32_t rung) override;
  void submit(ports::WorkerId worker, ports::JobId job, ByteView input) override;
  void kill(ports::WorkerId worker) override;

  // For the workers of all rungs, or of one.
  void set_trouble(const WorkerTrouble& trouble) { trouble_.fill(trouble); }
  void set_trouble(std::uint32_t rung, const WorkerTrouble& trouble) { trouble_[rung] = trouble; }
  // Breaks one of the live workers, chosen by `pick`: it dies now, or is frozen until it is killed.
  void strike(std::uint64_t pick, bool freeze);
  // Flips bits in one of the live workers of rung `from` or below: it answers wrongly from now on, always in the same
  // way.
  void corrupt(std::uint64_t pick, std::uint32_t from);
  // The agent died: its workers die with it, and nobody is told.
  void all_die();
  // Whether a corrupt worker of this rung, dead or alive, says this to that since the agent started.
  [[nodiscard]] bool corrupt_worker_says(std::uint32_t rung, ByteView input, ByteView output) const;
  // Jobs given to workers after they had answered a canary (all zeros) wrongly though their rung's right answer was
  // known.
  [[nodiscard]] std::uint64_t jobs_after_exposure() const { return jobs_after_exposure_; }
  // A live worker answers wrongly, and its rung's right answer is known.
  [[nodiscard]] bool corruption_lives() const;
  [[nodiscard]] std::uint64_t jobs_of(std::uint32_t rung) const { return jobs_[rung]; }  // since the agent started
  [[nodiscard]] std::size_t alive() const { return workers_.size(); }

  // Handles one of this object's events. Returns true if a worker answered a job well, which is what readiness means.
  bool deliver(const Event& event, ports::WorkerEvents& sink);

 private:
  enum class Step : std::uint8_t { kStarting, kIdle, kWorking, kGoing };
  struct Worker {
    ports::WorkerId id = 0;
    std::uint32_t rung = 0;
    Step step = Step::kStarting;
    Step was = Step::kIdle;  // kGoing: what it did; a message that it sent before it died still arrives
    bool frozen = false;
    ports::JobId job = 0;
    Answer answer{};
    bool refuses = false;
    bool canary = false;           // its job is one
    bool wrong = false;            // its answer to that is
    bool exposed = false;          // it answered one wrongly, and the asker can know
    std::uint64_t corruption = 0;  // flipped in its answers
    ports::WorkerEnd end = ports::WorkerEnd::kDied;
  };

  // What canaries told so far about a rung.
  struct Known {
    bool right = false;  // the first answer was right
    bool wrong = false;  // the first answer was wrong: the asker cannot know better
    std::uint32_t wrong_in_row = 0;
  };

  [[nodiscard]] static Answer corrupted(Answer answer, std::uint64_t corruption);
  void canary_answered(Worker& worker);
  [[nodiscard]] Worker* find(ports::WorkerId id);
  [[nodiscard]] TimeNs around(TimeNs mean_ns) { return mean_ns / 2 + random_.between(0, mean_ns); }
  void later(TimeNs in_ns, std::uint32_t what, const Worker& worker);
  void go(Worker& worker, ports::WorkerEnd end, TimeNs in_ns);

  EventQueue& queue_;
  std::uint32_t target_;
  std::uint32_t kind_;
  SeededRandom random_;
  WorkerModel model_;
  std::array<WorkerTrouble, 8> trouble_{};  // by rung
  std::vector<Worker> workers_;
  std::array<Known, 8> known_{};
  std::array<std::uint64_t, 8> jobs_{};
  std::vector<std::pair<std::uint32_t, std::uint64_t>> corruptions_;  // rung, bits; since the agent started
  std::uint64_t jobs_after_exposure_ = 0;
  ports::WorkerId next_id_ = 1;
};

}  // namespace lichen::fakes
