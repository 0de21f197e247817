// SPDX-License-Identifier: Apache-2.0
// One simulated device with everything around it: the agent (a Device that can be killed and started again), its
// workers, its disk, its clients, the faults that strike it, and the witness that checks what it does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/mix.hpp"
#include "device/device.hpp"
#include "fakes/disk.hpp"
#include "fakes/event_queue.hpp"
#include "fakes/random.hpp"
#include "fakes/workers.hpp"
#include "sim/plan.hpp"
#include "sim/report.hpp"
#include "sim/timeline.hpp"
#include "sim/witness.hpp"

namespace lichen::sim {

// Event kinds in the world's queue.
enum EventKind : std::uint32_t {
  kRequestEvent,
  kWakeEvent,
  kWorkerEvent,  // and the next one: FakeWorkers' own
  kWorkerGoneEvent,
  kDiskEvent,       // a: the operation, b: 1 if it fails
  kStrikeEvent,     // a: kind and number
  kStrikeEndEvent,  // a: kind and number
  kHealEvent,
  kAgentUpEvent,
  kAgentDownEvent,  // a: which agent
};

// What all devices of a run share.
struct Shared {
  explicit Shared(Plan p) : plan(std::move(p)) {}
  const Plan plan;
  fakes::EventQueue queue;
  TraceHash trace;
  Report report;
  Timeline* timeline = nullptr;
};

class DeviceWorld : private ports::Answers, private ports::WorkerEvents, private ladder::Watcher {
 public:
  // `target` is this device's in the queue, `number` its name, which its chances depend on.
  DeviceWorld(Shared& shared, std::uint32_t target, std::uint32_t number);
  DeviceWorld(const DeviceWorld&) = delete;
  DeviceWorld& operator=(const DeviceWorld&) = delete;

  void handle(const fakes::Event& event);
  // After a core was healed and time has passed: the core must be well again.
  void check_liveness();

 private:
  friend struct FaultEffects;

  struct Open {
    ports::RequestId id = 0;
    TimeNs deadline_ns = 0;
    TimeNs admitted_ns = 0;
    std::uint32_t min_rung = 0;
    bool owed = false;  // the healed core can answer it
    std::array<std::byte, 8> input{};
  };

  class TableReflex : public ports::Reflex {
   public:
    explicit TableReflex(DeviceWorld& world) : world_(world) {}
    bool evaluate(ByteView input, std::span<std::byte> output) override;

   private:
    DeviceWorld& world_;
  };

  [[nodiscard]] TimeNs now_ns() const { return shared_.queue.now_ns(); }
  void push(TimeNs in_ns, EventKind kind, std::uint64_t a = 0, std::uint64_t b = 0) {
    shared_.queue.push(now_ns() + in_ns, target_, kind, a, b);
  }
  [[nodiscard]] fakes::SeededRandom stream(std::uint64_t purpose) const {
    return fakes::SeededRandom(shared_.plan.seed, number_, purpose);
  }

  // The agent.
  void choose_setup();
  [[nodiscard]] fakes::WorkerModel worker_model() const;
  void start_agent();
  void kill_agent(TimeNs down_for_ns, bool power);
  void ask_agent_to_stop(TimeNs down_for_ns);
  void agent_is_gone();
  void after_step();
  void submit_disk_operations();
  void disk_done(const fakes::Event& event);
  void schedule_wake();

  // Clients.
  void client_asks();
  void ask(std::uint64_t salt);
  void answer(ports::RequestId id, const ports::Answer& answer) override;
  void refuse(ports::RequestId id, const ports::Refusal& refusal) override;
  [[nodiscard]] std::unique_ptr<Open> take(ports::RequestId id);

  // Workers.
  void worker_ready(const ports::WorkerReady& event) override;
  void worker_answered(const ports::WorkerAnswered& event) override;
  void worker_gone(const ports::WorkerGone& event) override;
  void rung_event(TimeNs now_ns, std::uint32_t model, std::uint32_t rung, ladder::RungEvent event,
                  std::string_view detail) override;

  // Faults (device_faults.cpp).
  void choose_fate();
  [[nodiscard]] bool core_can_answer(std::uint32_t min_rung) const;
  void schedule_strike();
  void strike();
  void end_strike(std::uint64_t id);
  void heal();
  void apply_trouble();
  void set_limits(const ladder::Limits& limits);
  void check_answer(const Open& open, const ports::Answer& answer);

  // The witness.
  void check();
  void check_state();
  void check_restored(bool before_any_start);
  void violated(std::string invariant, std::string detail);
  void violated(std::optional<Finding> finding) {
    if (finding) violated(std::move(finding->invariant), std::move(finding->detail));
  }
  void trace(std::uint64_t what, std::uint64_t a, std::uint64_t b = 0);
  void note(Happening::What what, std::uint32_t rung, std::uint64_t value, TimeNs lasts_ns = 0);

  Shared& shared_;
  std::uint32_t target_;
  std::uint32_t number_;
  fakes::SeededRandom arrivals_;
  fakes::SeededRandom agent_random_;  // the device's own Random port
  fakes::SeededRandom disk_times_;
  fakes::SeededRandom timing_;
  std::uint64_t request_salt_;  // every request is a stream of its own: one that is left out moves no other
  fakes::Disk disk_;
  device::ModelSetup setup_;
  fakes::FakeWorkers workers_;
  TableReflex reflex_;
  fakes::TableJudge judge_;
  ladder::Limits limits_;
  Witness witness_;
  std::unique_ptr<device::Device> device_;  // nothing while the agent is down
  std::uint64_t agent_ = 0;                 // counts them
  TimeNs agent_since_ns_ = 0;
  bool stopping_ = false;

  StrikeSource strikes_;
  std::optional<Strike> next_strike_;
  std::vector<Strike> active_;   // those that last, until they end
  std::uint32_t healed_ = 0;     // rungs that are healed at the end, as bits; 0: none
  std::vector<Strike> forever_;  // what stays broken then
  bool healed_now_ = false;
  bool disk_troubled_ = false;
  std::uint32_t reflex_refuses_ppm_ = 0;

  std::vector<std::unique_ptr<Open>> open_;  // their inputs stay where they are until the device is done with them
  std::uint64_t arrivals_count_ = 0;
  std::uint64_t next_request_ = 1;
  TimeNs scheduled_wake_ns_ = kNeverNs;  // when the event loop really wakes
  TimeNs wanted_wake_ns_ = kNeverNs;     // when the device wanted it
  TimeNs last_success_ns_ = -1;          // a worker or the table answered something well
  std::uint64_t boot_id_durable_ = 0;    // the highest that the device ever called durable
  std::uint64_t boot_id_checked_ = 0;    // of this incarnation, already compared with the ones before
  bool restored_checked_ = false;
  TimeNs best_answer_ns_ = -1;  // the last answer of the best rung, or of any where strategy or budget choose others
};

}  // namespace lichen::sim
