// SPDX-License-Identifier: Apache-2.0
// The Ladder of one model: which rung answers a request, and what happens when a rung dies, hangs, is slow or lies
// down. A decider: one thread, no I/O, no clock. Rung 0 is the best; worker rungs run in processes of their own behind
// the Workers port, a reflex rung is evaluated here.
//
// The promise it keeps: every request handed to submit() is answered or refused exactly once, before its deadline, and
// refused at once if nothing allowed can answer. How:
//   - placing: the best rung that serves and can make the deadline; a busy one is waited for only while that still
//   holds;
//   - a worker that dies, or refuses the input, hands its request down at once; each rung is tried once a request;
//   - a rung slower than usual is hedged: the next one is asked too, within a budget (5 % of requests by default);
//   - shortly before the deadline the next worker is asked, and at last the reflex table, in the reserved time;
//   - a worker silent for hang_timeout_ns is killed. Back-off with full jitter, then a breaker, space its restarts out;
//   - a rung that came back serves again only after step_up_dwell_ns and a canary answered end to end: no flapping;
//   - a rung whose answers cannot be right, or that answers its canary otherwise than before, is killed as wrong.
// Instead of asking the best rung, a ladder may let several vote, or ask the cheapest first and better ones only while
// the answer is unsure (Strategy).
// docs/ladder.md has the transition table.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "ladder/breaker.hpp"
#include "ports/inference.hpp"
#include "ports/judge.hpp"
#include "ports/random.hpp"
#include "ports/reflex.hpp"
#include "ports/workers.hpp"

namespace lichen::ladder {

enum class RungKind : std::uint8_t {
  kWorker,  // a model in a process of its own
  kReflex,  // a table, evaluated here
  kCloud,   // a server elsewhere, behind the Workers port like a process: started is connected, died is cut off
};

[[nodiscard]] std::string_view name_of(RungKind kind);

// How a request finds its rung.
enum class Strategy : std::uint8_t {
  kBestFirst,  // the best rung that can answer in time
  kVote,       // vote_rungs of them are asked; what more than half of these agree on is the answer
  kCascade,    // the cheapest first; a better one while the answer is not sure enough and there is time
};
[[nodiscard]] std::string_view name_of(Strategy strategy);

struct RungConfig {
  std::string name;  // "primary"
  RungKind kind = RungKind::kWorker;
  TimeNs expected_ns = 5 * kMillisecondNs;   // the first guess of its latency; learned from then on
  TimeNs hang_timeout_ns = 2 * kSecondNs;    // a job older than this: the worker hangs
  TimeNs start_timeout_ns = 20 * kSecondNs;  // not ready by then: the start hangs
  TimeNs health_period_ns = 0;               // instead of the ladder's; 0: the ladder's
  // Of a cloud rung: jobs a day, canaries included (0: as many as it likes), and so many of them at once at most.
  std::uint32_t jobs_per_day_max = 0;
  std::uint32_t jobs_burst_max = 16;
};

struct LadderConfig {
  std::vector<RungConfig> rungs;             // best first, 1 to kRungsMax; a reflex rung may only be the last
  std::uint32_t open_requests_max = 64;      // waiting and running together
  TimeNs reserve_ns = 2 * kMillisecondNs;    // kept before each deadline for the last resort
  TimeNs health_period_ns = 30 * kSecondNs;  // readiness: something answered within it; canaries keep it true
  TimeNs step_up_dwell_ns = kSecondNs;       // a rung that failed serves again only after this
  std::uint32_t workers_loaded_max = 2;      // the rung that answers and its warm spare
  Ppm hedge_budget_ppm = 50'000;             // hedges per admitted request
  TimeNs hedge_delay_min_ns = kMillisecondNs;
  Strategy strategy = Strategy::kBestFirst;
  std::uint32_t vote_rungs = 3;   // kVote: asked; the majority of this number decides
  Ppm confident_ppm = 900'000;    // kCascade: an answer at least this sure is given at once
  // A worker's canary is answered the same, byte for byte, as long as it is well. It is asked at least this often, also
  // under load; 0: its answers are not compared (a model that is not a function of its input).
  TimeNs check_period_ns = kMinuteNs;
  BreakerConfig breaker;
};

// What may be used now: plain numbers, set by whoever watches battery, heat and network.
struct Limits {
  std::uint32_t best_rung = 0;  // better ones (lower numbers) take too much power
  bool link_up = true;          // without it no cloud rung is asked
};

// OK, or which field is out of its limits.
[[nodiscard]] Result<void> check(const LadderConfig& config, std::string_view where);

enum class RungState : std::uint8_t {
  kUnloaded,  // not wanted now: better rungs are well and there is a spare
  kDown,      // waits for its restart time
  kStarting,  // the worker loads its model
  kReady,     // idle or with a job
  kDying,     // killed, not gone yet
};
[[nodiscard]] std::string_view name_of(RungState state);

// What happened to a rung, for logs, the timeline and the state file.
enum class RungEvent : std::uint8_t {
  kStarted,        // a worker was started
  kReady,          // it loaded its model
  kServes,         // it takes requests (again)
  kStartFailed,    // it could not load its model
  kStartHung,      // it was not ready in time and is killed
  kDied,           // the worker died by itself
  kHung,           // a job took too long and the worker is killed
  kBreakerOpened,  // too many failures: left alone for a while
  kBreakerClosed,  // it proved itself: past failures are forgotten
  kUnloaded,       // no longer needed as a spare
  kWrong,          // it answered its canary otherwise than before, or with what cannot be: it is killed
};
[[nodiscard]] std::string_view name_of(RungEvent event);

class Watcher {
 public:
  virtual ~Watcher();
  virtual void rung_event(TimeNs now_ns, std::uint32_t model, std::uint32_t rung, RungEvent event,
                          std::string_view detail) = 0;
};

struct RungCounters {
  std::uint64_t answers = 0;        // of requests, delivered
  std::uint64_t stale = 0;          // answers that came after the request had been answered otherwise
  std::uint64_t canaries = 0;       // answered canaries
  std::uint64_t input_refused = 0;  // the model refused an input
  std::uint64_t starts = 0;
  std::uint64_t start_failures = 0;
  std::uint64_t deaths = 0;
  std::uint64_t hangs = 0;
  std::uint64_t implausible = 0;  // answers to requests that the model cannot give: not delivered
  std::uint64_t wrong = 0;        // killed because a canary's answer was wrong
  std::uint64_t outvoted = 0;     // answers that the majority did not agree with
};

struct LadderCounters {
  std::uint64_t admitted = 0;
  std::array<std::uint64_t, ports::kRefusalReasons> refused{};
  std::array<std::uint64_t, ports::kAnswerReasons> answered{};
  std::uint64_t hedges = 0;
  std::uint64_t rescues = 0;      // asked another worker because the deadline came near
  std::uint64_t escalations = 0;  // kCascade: asked a better rung because the answer was not sure enough
};

struct RungStatus {
  std::string name;
  RungKind kind = RungKind::kWorker;
  RungState state = RungState::kDown;
  bool serves = false;   // takes requests now
  bool healthy = false;  // answered something within the health period
  BreakerState breaker = BreakerState::kClosed;
  TimeNs latency_ns = 0;           // learned mean of a job
  TimeNs last_answer_age_ns = -1;  // -1: never
  TimeNs restart_in_ns = -1;       // -1: no restart is planned
  std::string last_trouble;
  RungCounters counters;
};

// What a ladder needs from outside; all of it must outlive the ladder.
struct LadderPorts {
  ports::Workers& workers;
  ports::Answers& answers;
  ports::Random& random;
  Watcher& watcher;
  ports::Reflex* reflex = nullptr;  // of the last rung, if that is a reflex rung; without it the rung stays down
  std::string reflex_trouble = {};  // and this is why
  // Without it every answer is plausible, none has a confidence, and only equal bytes agree.
  const ports::Judge* judge = nullptr;
};

class Ladder {
 public:
  // `config` must have passed check(). `canary_input` is asked when there is no traffic; `output_bytes` is the size of
  // an answer (the contract's).
  Ladder(std::uint32_t model, const LadderConfig& config, Bytes canary_input, std::size_t output_bytes,
         LadderPorts ports);

  // Starts the workers. `times_opened` restores each rung's breaker from before the restart (may be empty). After a
  // stop() it starts afresh: workers read their files anew, and past failures are forgotten.
  void start(TimeNs now_ns, std::span<const std::uint32_t> times_opened);
  // Refuses everything open and kills the workers; nothing is admitted, nor ready, until the next start().
  void stop(TimeNs now_ns);

  void submit(TimeNs now_ns, const ports::Request& request);
  // Worker events: false if the worker is not (or no longer) one of this ladder's.
  bool on(TimeNs now_ns, const ports::WorkerReady& event);
  bool on(TimeNs now_ns, const ports::WorkerAnswered& event);
  bool on(TimeNs now_ns, const ports::WorkerGone& event);
  void set_limits(TimeNs now_ns, const Limits& limits);
  // Does what is due. Call at next_wake_ns() or later; early calls are harmless.
  void tick(TimeNs now_ns);
  [[nodiscard]] TimeNs next_wake_ns() const { return next_wake_ns_; }

  // A real request or a canary was answered within the health period, and a rung that can answer is there.
  [[nodiscard]] bool ready(TimeNs now_ns) const;
  [[nodiscard]] std::uint32_t open_requests() const { return static_cast<std::uint32_t>(open_.size()); }
  [[nodiscard]] RungStatus rung_status(TimeNs now_ns, std::uint32_t rung) const;
  [[nodiscard]] std::uint32_t rungs() const { return static_cast<std::uint32_t>(rungs_.size()); }
  // The best rung that takes requests now, or rungs() if there is none.
  [[nodiscard]] std::uint32_t active_rung(TimeNs now_ns) const;
  [[nodiscard]] Strategy strategy() const { return config_.strategy; }
  [[nodiscard]] const LadderCounters& counters() const { return counters_; }
  [[nodiscard]] std::uint32_t times_opened(std::uint32_t rung) const { return rungs_[rung].breaker.times_opened(); }

 private:
  static constexpr std::uint32_t kNobody = ~0u;
  static constexpr std::uint32_t bit(std::uint32_t rung) { return 1u << rung; }

  struct Rung {
    Rung(std::uint32_t i, const RungConfig& c, const BreakerConfig& b, ports::Random& random)
        : index(i), config(c), breaker(b, random) {}
    std::uint32_t index;
    RungConfig config;
    Breaker breaker;
    RungState state = RungState::kDown;
    ports::WorkerId worker = 0;
    TimeNs due_ns = 0;          // kDown: restart; kStarting: start timeout; kDying: give it up
    TimeNs serves_from_ns = 0;  // kReady: end of the dwell
    bool wanted = false;        // staff() wants a worker here
    bool proved = false;        // kReady: answered something since it started
    bool announced = false;     // kServes was told
    ports::JobId job = 0;       // 0: idle
    bool job_is_canary = false;
    std::uint32_t job_slot = kNobody;  // the request, or kNobody for a canary or a job whose request has ended
    TimeNs job_since_ns = 0;
    TimeNs latency_ns = 0;    // moving average of answered jobs
    TimeNs answered_ns = -1;  // last answer of any kind; -1: never
    TimeNs canary_due_ns = kNeverNs;
    RungEvent killed_for = RungEvent::kDied;  // kDying: why
    TimeNs check_due_ns = kNeverNs;           // kReady: the canary is asked even under load
    bool suspect = false;                     // its last answer was implausible or outvoted: the canary tells
    Bytes known_answer;                       // to the canary; empty: none yet
    Bytes disputed_answer;                    // what one worker answered otherwise; a second one that does is believed
    bool late_ballot = false;                 // its job's request was decided by others: compare with the majority
    Bytes majority;
    std::uint32_t implausible_in_row = 0;
    std::uint32_t disputes_in_row = 0;
    bool compared = true;          // its canaries' answers are: the model is a function of its input, as far as is known
    std::uint32_t rights = 0;      // of this worker's canaries, answered as ever
    std::uint32_t relapses = 0;    // workers in a row that answered their first canary so, and not their second
    TimeNs budget_spent_until_ns = 0;         // kCloud: the time by which its past jobs are paid for
    std::string last_trouble;
    RungCounters counters;
  };

  // An answer that is not given yet: a vote, or a cascade's until a better one comes.
  struct Ballot {
    std::uint32_t rung = 0;
    Bytes output;
  };

  struct Slot {
    ports::Request request;
    TimeNs admitted_ns = 0;
    TimeNs last_ns = 0;         // the last resort: deadline less the reserve
    TimeNs next_ns = kNeverNs;  // hedge, rescue, give up waiting, or last resort: whatever comes first
    TimeNs hedge_ns = kNeverNs;
    TimeNs rescue_ns = kNeverNs;
    std::uint32_t tried = 0;    // bit r: rung r was asked
    std::uint32_t running = 0;  // bit r: rung r works on it
    std::uint32_t waiting = 0;  // bit r: waits for rung r
    std::uint32_t ballots_cast = 0;
    bool input_refused = false;  // a model refused it, or answered what cannot be
    std::uint32_t votes = 0;  // for the answer that was decided on
    bool hedged = false;
    ports::AnswerReason reason = ports::AnswerReason::kBest;
    std::uint64_t serial = 0;
    std::vector<Ballot> ballots;  // the first ballots_cast of them; the others keep their memory for later
  };

  enum class Fit : std::uint8_t { kNow, kWait, kNo };

  // Placing requests (placing.cpp).
  void place(TimeNs now_ns, std::uint32_t slot);
  void place_best_first(TimeNs now_ns, std::uint32_t slot);
  bool place_on_worker(TimeNs now_ns, std::uint32_t slot, bool even_unproved, ports::AnswerReason& blame);
  void probe_soon(Rung& r) const;
  bool place_on_starting(std::uint32_t slot);
  Fit fit(TimeNs now_ns, const Slot& s, std::uint32_t rung, bool even_unproved, ports::AnswerReason& reason) const;
  void dispatch(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung);
  void refuse_at_once(const ports::Request& request, ports::RefusalReason reason);
  void submit_beyond_queue(TimeNs now_ns, const ports::Request& request);
  bool try_reflex(TimeNs now_ns, std::uint32_t slot);
  bool evaluate_reflex(TimeNs now_ns, Slot& s);
  void plan_look(Slot& s) const;
  void refuse(TimeNs now_ns, std::uint32_t slot, ports::RefusalReason reason);
  [[nodiscard]] ports::RefusalReason refusal_for(TimeNs now_ns, const Slot& s, ports::AnswerReason blame) const;
  void last_resort(TimeNs now_ns, std::uint32_t slot);
  void deliver(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output);
  void release(std::uint32_t slot);
  void hand_down(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ports::AnswerReason reason);
  void take_waiting(TimeNs now_ns, std::uint32_t rung);
  void replace_waiting(TimeNs now_ns, std::uint32_t rung);
  void check_request(TimeNs now_ns, std::uint32_t slot);
  bool ask_another(TimeNs now_ns, std::uint32_t slot, ports::AnswerReason reason);
  void plan_checks(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung);
  void job_answered(TimeNs now_ns, std::uint32_t rung, std::uint32_t slot, const ports::WorkerAnswered& event);
  void answered(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output);

  // Several rungs for one answer (voting.cpp, cascade.cpp).
  void elect(TimeNs now_ns, std::uint32_t slot);
  void cast(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output);
  bool decide(TimeNs now_ns, std::uint32_t slot);
  void declare(TimeNs now_ns, std::uint32_t slot, const Ballot& winner);
  void close_poll(TimeNs now_ns, std::uint32_t slot);
  [[nodiscard]] std::uint32_t votes_for(const Slot& s, const Ballot& ballot) const;
  [[nodiscard]] std::uint32_t quorum() const { return config_.vote_rungs / 2 + 1; }
  void compare_late(TimeNs now_ns, std::uint32_t rung, ByteView output);
  void climb(TimeNs now_ns, std::uint32_t slot);
  void weigh(TimeNs now_ns, std::uint32_t slot, std::uint32_t rung, ByteView output);
  [[nodiscard]] bool sure_enough(std::uint32_t rung, ByteView output) const;
  void keep(Slot& s, std::uint32_t rung, ByteView output) const;
  [[nodiscard]] bool agree(ByteView a, ByteView b) const;

  // Keeping workers (workers.cpp).
  void staff(TimeNs now_ns);
  void start_worker(TimeNs now_ns, std::uint32_t rung);
  void kill(TimeNs now_ns, std::uint32_t rung, RungEvent why);
  void dismiss(TimeNs now_ns, Rung& r);
  void refresh(Rung& r) const;
  void gone(TimeNs now_ns, std::uint32_t rung, RungEvent why, std::string_view detail);
  void count_trouble(Rung& r, RungEvent why);
  void settle(TimeNs now_ns, std::uint32_t rung);
  [[nodiscard]] bool may_be_used(const Rung& r) const;
  [[nodiscard]] std::uint32_t workers_wanted() const;

  // Canaries (canaries.cpp).
  void send_canary(TimeNs now_ns, std::uint32_t rung);
  void canary_answered(TimeNs now_ns, std::uint32_t rung, bool ok, ByteView output);
  void check_if_due(TimeNs now_ns, std::uint32_t rung);
  void suspect(TimeNs now_ns, std::uint32_t rung);
  [[nodiscard]] bool known(Rung& r, ByteView output) const;
  void reflex_canary(TimeNs now_ns, std::uint32_t rung);
  [[nodiscard]] TimeNs health_period_ns(const Rung& r) const {
    return r.config.health_period_ns > 0 ? r.config.health_period_ns : config_.health_period_ns;
  }
  [[nodiscard]] bool affordable(TimeNs now_ns, const Rung& r) const;
  void spend(TimeNs now_ns, Rung& r) const;

  void tick_rung(TimeNs now_ns, std::uint32_t rung);
  void learn(TimeNs now_ns, Rung& r) const;
  void mark_answered(TimeNs now_ns, Rung& r) const;
  void tell(TimeNs now_ns, std::uint32_t rung, RungEvent event, std::string_view detail = {});

  [[nodiscard]] bool serves(TimeNs now_ns, const Rung& rung) const;
  [[nodiscard]] bool silent(TimeNs now_ns, const Rung& rung) const;
  [[nodiscard]] bool overdue(TimeNs now_ns, const Rung& rung) const;
  // It starts, and never failed: nothing is broken, only not there yet.
  [[nodiscard]] static bool starts_first(const Rung& r) {
    return r.state == RungState::kStarting && !r.breaker.has_failed();
  }
  [[nodiscard]] bool has_reflex() const { return reflex_rung(rungs() - 1) && rungs_.back().state == RungState::kReady; }
  [[nodiscard]] bool plausible(ByteView output) const {
    return ports_.judge == nullptr || ports_.judge->plausible(output);
  }
  [[nodiscard]] bool reflex_rung(std::uint32_t rung) const { return rungs_[rung].config.kind == RungKind::kReflex; }
  [[nodiscard]] TimeNs free_at(TimeNs now_ns, std::uint32_t rung) const;
  [[nodiscard]] std::uint32_t find(ports::WorkerId worker) const;
  [[nodiscard]] bool goes_before(const Slot& a, const Slot& b) const;
  void plan_wake();

  std::uint32_t model_;
  LadderConfig config_;
  Bytes canary_input_;
  LadderPorts ports_;
  Limits limits_;
  std::vector<Rung> rungs_;
  std::vector<Slot> slots_;          // open_requests_max of them, fixed
  std::vector<std::uint32_t> free_;  // slots that are free
  std::vector<std::uint32_t> open_;  // slots in use, in no order
  Bytes reflex_output_;
  std::uint64_t serial_ = 0;
  ports::JobId next_job_ = 1;
  std::int64_t hedge_tokens_ppm_ = 0;
  TimeNs next_wake_ns_ = kNeverNs;
  bool stopping_ = true;
  LadderCounters counters_;
};

}  // namespace lichen::ladder
