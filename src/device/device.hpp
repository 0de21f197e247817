// SPDX-License-Identifier: Apache-2.0
// The core of a device: one ladder a model, and what is remembered over restarts. A decider: it runs the same in
// lichend and, by the thousand, in the simulated world.
//
// The host owns the ports and the thread: it calls on() for every event, tick() when next_wake_ns() has come, and
// everything with the same monotonic clock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "device/device_state.hpp"
#include "ladder/ladder.hpp"
#include "ports/inference.hpp"
#include "ports/random.hpp"
#include "ports/reflex.hpp"
#include "ports/storage.hpp"
#include "ports/workers.hpp"
#include "store/state_file.hpp"

namespace lichen::device {

struct ModelSetup {
  std::string name;
  ladder::LadderConfig ladder;
  Bytes canary_input;               // one request's worth of input bytes
  std::size_t output_bytes = 0;     // of one answer
  ports::Reflex* reflex = nullptr;  // the table of its reflex rung; without it that rung stays down
  std::string reflex_trouble = {};  // and this is why
  const ports::Judge* judge = nullptr;  // of its answers; see LadderPorts
};

struct DevicePorts {
  ports::Workers& workers;
  ports::Storage& storage;
  ports::Random& random;
  ports::Answers& answers;
  ladder::Watcher& watcher;
};

struct StateStatus {
  store::StateFile::Phase phase = store::StateFile::Phase::kClosed;
  std::uint64_t boot_id = 0;     // of this start; 0: not known (yet)
  bool boot_id_durable = false;  // no later start can get the same one
  std::optional<Error> fault;
};

class Device : private ladder::Watcher {
 public:
  // Each ladder config must have passed ladder::check(). Everything in `ports` must outlive the device.
  Device(std::vector<ModelSetup> models, DevicePorts ports);

  // Starts workers and reads the state; answers as soon as any rung can.
  void start(TimeNs now_ns);
  // Refuses what is open and kills the workers.
  void stop(TimeNs now_ns);

  // Stops one model: what is open is refused, its workers end, and it takes no requests until load(). Forgotten over
  // restarts: the configuration says what a device serves.
  void unload(TimeNs now_ns, std::uint32_t model);
  // Starts it again (or anew, if it runs: what is open is refused then); its workers read their files again.
  void load(TimeNs now_ns, std::uint32_t model);
  [[nodiscard]] bool loaded(std::uint32_t model) const { return loaded_[model] != 0; }

  // What may be used now, of every model.
  void set_limits(TimeNs now_ns, const ladder::Limits& limits);

  void on(TimeNs now_ns, const ports::Request& request);
  void on(TimeNs now_ns, const ports::WorkerReady& event);
  void on(TimeNs now_ns, const ports::WorkerAnswered& event);
  void on(TimeNs now_ns, const ports::WorkerGone& event);
  void on(TimeNs now_ns, const ports::StorageDone& event);
  void tick(TimeNs now_ns);
  [[nodiscard]] TimeNs next_wake_ns() const;

  [[nodiscard]] std::uint32_t models() const { return static_cast<std::uint32_t>(ladders_.size()); }
  [[nodiscard]] const std::string& model_name(std::uint32_t model) const { return models_[model].name; }
  [[nodiscard]] const ladder::Ladder& ladder_of(std::uint32_t model) const { return ladders_[model]; }
  [[nodiscard]] bool model_ready(TimeNs now_ns, std::uint32_t model) const { return ladders_[model].ready(now_ns); }
  // Every model that is loaded is ready.
  [[nodiscard]] bool ready(TimeNs now_ns) const;
  [[nodiscard]] StateStatus state() const;
  // The boot id of this start once no later start can get the same one; 0 before that.
  [[nodiscard]] std::uint64_t durable_boot_id() const;

 private:
  void rung_event(TimeNs now_ns, std::uint32_t model, std::uint32_t rung, ladder::RungEvent event,
                  std::string_view detail) override;
  void opened(TimeNs now_ns);
  void start_ladders(TimeNs now_ns);
  void save();

  std::vector<ModelSetup> models_;
  DevicePorts ports_;
  store::StateFile file_;
  std::vector<ladder::Ladder> ladders_;
  std::vector<std::uint8_t> loaded_;  // by model
  DeviceState remembered_;
  std::uint64_t boot_generation_ = 0;  // of the state file: once durable, the boot id is
  TimeNs start_by_ns_ = kNeverNs;      // ladders start without the state if it is not read by then
  TimeNs retry_state_ns_ = kNeverNs;
  bool state_known_ = false;
  bool started_ = false;
  bool stopped_ = false;
};

}  // namespace lichen::device
