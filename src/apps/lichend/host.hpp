// SPDX-License-Identifier: Apache-2.0
// The agent's one thread: the Device decider between its doers (worker processes, state directory, clock) and its REST
// door. Turns whatever the kernel says into the decider's events, and sleeps until the next event or the decider's next
// wake-up.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/error.hpp"
#include "device/config.hpp"
#include "device/device.hpp"
#include "doors/rest_server.hpp"
#include "engine/reflex_table.hpp"
#include "posix/clock.hpp"
#include "posix/listen_fds.hpp"
#include "posix/process_workers.hpp"
#include "posix/random.hpp"
#include "posix/shared_memory.hpp"
#include "posix/storage.hpp"
#include "protocol/judge.hpp"
#include "status.hpp"

namespace lichen::lichend {

class Host : private ports::Inference, private ports::WorkerEvents, private ladder::Watcher, private doors::DeviceView {
 public:
  // Reads reflex tables, opens the state directory, starts the worker template, listens. `config_path` is what relative
  // paths are relative to.
  static Result<std::unique_ptr<Host>> create(const device::DeviceConfig& config, const std::string& config_path);
  ~Host() override;

  // Serves until SIGTERM or SIGINT.
  void run();

 private:
  explicit Host(const device::DeviceConfig& config);
  Result<void> open(const device::DeviceConfig& config, const std::string& config_path);
  void open_storage(const std::string& directory);
  void open_reflexes(const device::DeviceConfig& config, const std::string& config_path);
  Result<void> open_workers(const device::DeviceConfig& config, const std::string& config_path);
  Result<void> open_doors(const device::DeviceConfig& config);
  Result<void> open_canaries(const device::DeviceConfig& config, const std::string& config_path);
  void make_device(const device::DeviceConfig& config);

  // The loop.
  void watch_workers();
  void watch_storage();
  void watch_signals();
  bool spin();
  void sleep();
  void arm_timer();
  void begin_stop();
  [[nodiscard]] Result<void> may_control() const;

  // What the decider and the door call.
  void submit(const ports::Request& request) override;
  void worker_ready(const ports::WorkerReady& event) override;
  void worker_answered(const ports::WorkerAnswered& event) override;
  void worker_gone(const ports::WorkerGone& event) override;
  void worker_measured(const ports::WorkerMeasured& event) override;
  void rung_event(TimeNs now_ns, std::uint32_t model, std::uint32_t rung, ladder::RungEvent event,
                  std::string_view detail) override;
  [[nodiscard]] bool live() const override { return true; }
  [[nodiscard]] bool ready() const override { return device_->ready(clock_.now_ns()); }
  [[nodiscard]] bool model_ready(std::uint32_t model) const override {
    return device_->model_ready(clock_.now_ns(), model);
  }
  [[nodiscard]] doors::ModelState model_state(std::uint32_t model) const override;
  [[nodiscard]] std::uint64_t executions(std::uint32_t model) const override;
  Result<void> load(std::uint32_t model) override;
  Result<void> unload(std::uint32_t model) override;
  [[nodiscard]] Json status() const override;
  [[nodiscard]] std::vector<doors::Metric> metrics() const override;

  // Remembers which worker is whose, for status.
  class NamedWorkers : public ports::Workers {
   public:
    explicit NamedWorkers(std::unique_ptr<posix::ProcessWorkers> processes) : processes_(std::move(processes)) {}
    ports::WorkerId start(std::uint32_t model, std::uint32_t rung) override;
    void submit(ports::WorkerId worker, ports::JobId job, ByteView input) override {
      processes_->submit(worker, job, input);
    }
    void kill(ports::WorkerId worker) override { processes_->kill(worker); }
    [[nodiscard]] posix::ProcessWorkers& processes() const { return *processes_; }
    [[nodiscard]] WorkerFacts facts(std::uint32_t model, std::uint32_t rung) const;
    void measured(const ports::WorkerMeasured& event);

   private:
    std::unique_ptr<posix::ProcessWorkers> processes_;
    struct Latest {
      ports::WorkerId worker = 0;
      std::uint64_t memory_bytes = 0;
    };
    std::map<std::pair<std::uint32_t, std::uint32_t>, Latest> latest_;
  };

  posix::MonotonicClock clock_;
  posix::KernelRandom random_;
  posix::ShmFiles shared_memory_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  boost::asio::posix::stream_descriptor workers_ready_;
  boost::asio::posix::stream_descriptor storage_ready_;
  TimeNs timer_ns_ = kNeverNs;
  TimeNs started_ns_ = 0;
  bool sandboxed_;
  bool model_control_;
  bool stopping_ = false;
  bool stopped_ = false;

  std::vector<std::unique_ptr<engine::ReflexTable>> reflexes_;  // by model; nothing where it has none
  std::vector<std::string> reflex_troubles_;                    // by model; why there is none although there should be
  std::vector<std::vector<std::string>> rung_names_;
  std::vector<Bytes> canaries_;                   // by model: one request's input
  std::vector<protocol::Contract> contracts_;     // by model; stay where they are, for the judges
  std::vector<protocol::ContractJudge> judges_;  // by model
  std::unique_ptr<ports::Storage> storage_;
  posix::FileStorage* file_storage_ = nullptr;  // storage_, if the state directory could be opened
  std::unique_ptr<NamedWorkers> workers_;
  std::unique_ptr<doors::RestServer> rest_;
  std::unique_ptr<device::Device> device_;
};

}  // namespace lichen::lichend
