// SPDX-License-Identifier: Apache-2.0
// One simulated device with everything around it: the agent (a Device that can be killed and started again), its
// workers, its disk, its clients, the faults that strike it, and the witness that checks what it does.
#pragma once

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
#include "sim/faults.hpp"
#include "sim/report.hpp"

namespace lichen::sim {

// Event kinds in the world's queue.
enum EventKind : std::uint32_t {
  kRequestEvent,
  kWakeEvent,
  kWorkerEvent,  // and the next one: FakeWorkers' own
  kWorkerGoneEvent,
  kDiskEvent,      // a: the operation, b: 1 if it fails
  kFaultEvent,     // a: index of the fault kind
  kFaultEndEvent,  // a: index of the fault kind
  kAgentUpEvent,
};

// What all devices of a run share.
struct Shared {
  fakes::EventQueue queue;
  TraceHash trace;
  Report report;
  TimeNs faults_until_ns = 0;
  TimeNs requests_until_ns = 0;
};

class DeviceWorld : private ports::Answers, private ports::WorkerEvents, private ladder::Watcher {
 public:
  DeviceWorld(Shared& shared, std::uint32_t index);
  DeviceWorld(const DeviceWorld&) = delete;
  DeviceWorld& operator=(const DeviceWorld&) = delete;

  void handle(const fakes::Event& event);
  // After the faults have stopped and time has passed: the device must be well again.
  void check_liveness();

 private:
  struct Open {
    ports::RequestId id = 0;
    TimeNs deadline_ns = 0;
    TimeNs admitted_ns = 0;
    std::uint32_t min_rung = 0;
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
    shared_.queue.push(now_ns() + in_ns, index_, kind, a, b);
  }

  // The agent.
  void choose_setup();
  void start_agent();
  void stop_agent(TimeNs down_for_ns, bool power);
  void after_step();
  void submit_disk_operations();
  void schedule_wake();

  // Clients.
  void ask();
  void ask_burst();
  void answer(ports::RequestId id, const ports::Answer& answer) override;
  void refuse(ports::RequestId id, const ports::Refusal& refusal) override;
  [[nodiscard]] std::unique_ptr<Open> take(ports::RequestId id);

  // Workers.
  void worker_ready(const ports::WorkerReady& event) override;
  void worker_answered(const ports::WorkerAnswered& event) override;
  void worker_gone(const ports::WorkerGone& event) override;
  void rung_event(TimeNs now_ns, std::uint32_t model, std::uint32_t rung, ladder::RungEvent event,
                  std::string_view detail) override;

  // Faults.
  void schedule_fault(std::uint32_t kind_index);
  void strike(std::uint32_t kind_index);
  void end_fault(std::uint32_t kind_index);

  // The witness.
  void check();
  void check_state();
  void violated(std::string invariant, std::string detail);
  void trace(std::uint64_t what, std::uint64_t a, std::uint64_t b = 0);

  Shared& shared_;
  std::uint32_t index_;
  fakes::SeededRandom clients_;
  fakes::SeededRandom faults_random_;
  fakes::SeededRandom agent_random_;  // the device's own Random port
  fakes::SeededRandom disk_times_;
  fakes::SeededRandom timing_;
  fakes::Disk disk_;
  device::ModelSetup setup_;
  fakes::WorkerModel worker_model_;
  fakes::FakeWorkers workers_;
  fakes::WorkerTrouble trouble_;
  TableReflex reflex_;
  std::unique_ptr<device::Device> device_;  // nothing while the agent is down
  bool disk_troubled_ = false;

  std::vector<std::unique_ptr<Open>> open_;  // their inputs stay where they are until the device is done with them
  std::uint64_t next_request_ = 1;
  TimeNs scheduled_wake_ns_ = kNeverNs;
  TimeNs last_success_ns_ = -1;        // a worker or the table answered something well
  std::uint64_t boot_id_durable_ = 0;  // the highest that the device ever called durable
  std::uint64_t boot_id_checked_ = 0;  // of this incarnation, already compared with the ones before
  TimeNs best_answer_ns_ = -1;         // the last answer of the best rung
};

}  // namespace lichen::sim
