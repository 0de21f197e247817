// SPDX-License-Identifier: Apache-2.0
// One device on fake doers in virtual time, which can be killed and started again over the same disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "device/device.hpp"
#include "fakes/disk.hpp"
#include "fakes/event_queue.hpp"
#include "fakes/workers.hpp"

namespace lichen::device {

class TestDevice : private ports::Answers, private ports::WorkerEvents, private ladder::Watcher {
 public:
  explicit TestDevice(std::uint32_t models = 1)
      : workers_(queue_, 0, kWorker, fakes::SeededRandom(1, 0, 0),
                 fakes::WorkerModel{.job_ns = {8 * kMillisecondNs, kMillisecondNs}}),
        disk_(fakes::SeededRandom(1, 0, 1)),
        random_(1, 0, 2) {
    for (std::uint32_t m = 0; m < models; ++m) {
      ModelSetup& setup = setups_.emplace_back();
      setup.name = "model" + std::to_string(m);
      setup.ladder.rungs = {{.name = "primary"}, {.name = "compact"}};
      setup.canary_input.resize(8);
      setup.output_bytes = 8;
    }
  }

  void start() {
    device_ = std::make_unique<Device>(
        setups_,
        DevicePorts{.workers = workers_, .storage = disk_, .random = random_, .answers = *this, .watcher = *this});
    device_->start(queue_.now_ns());
    after_step();
  }
  // kill -9: what the disk had under way is done or not.
  void kill() {
    device_.reset();
    workers_.all_die();
    disk_.process_killed();
  }
  void restart() {
    kill();
    start();
  }

  void advance(TimeNs by_ns) {
    const TimeNs end_ns = queue_.now_ns() + by_ns;
    queue_.push(end_ns, 0, kNothing);
    while (queue_.now_ns() < end_ns || queue_.next_ns() <= end_ns) handle(queue_.pop());
  }
  ports::RequestId ask(TimeNs within_ns = kSecondNs, std::uint32_t model = 0) {
    const ports::RequestId id = ++asked_;
    device_->on(queue_.now_ns(),
                ports::Request{.id = id, .model = model, .deadline_ns = queue_.now_ns() + within_ns, .input = input_});
    after_step();
    return id;
  }
  void stop() { device_->stop(queue_.now_ns()); }
  void unload(std::uint32_t model) {
    device_->unload(queue_.now_ns(), model);
    after_step();
  }
  void load(std::uint32_t model) {
    device_->load(queue_.now_ns(), model);
    after_step();
  }

  void disk_never_completes() { disk_never_ = true; }
  void disk_fails(bool fails) { disk_fails_ = fails; }

  [[nodiscard]] Device& device() { return *device_; }
  [[nodiscard]] fakes::FakeWorkers& workers() { return workers_; }
  [[nodiscard]] TimeNs now_ns() const { return queue_.now_ns(); }
  [[nodiscard]] ladder::RungStatus rung(std::uint32_t rung, std::uint32_t model = 0) const {
    return device_->ladder_of(model).rung_status(queue_.now_ns(), rung);
  }
  [[nodiscard]] bool answered(ports::RequestId id) const { return ended_.contains(id) && ended_.at(id); }
  [[nodiscard]] bool refused(ports::RequestId id) const { return ended_.contains(id) && !ended_.at(id); }

 private:
  enum Kind : std::uint32_t { kWorker, kWorkerGone, kDisk, kNothing };

  void handle(const fakes::Event& event) {
    if (event.kind == kWorker || event.kind == kWorkerGone) workers_.deliver(event, *this);
    if (event.kind == kDisk && disk_.pending(event.a)) {
      const ports::StorageDone done = disk_.complete(event.a, disk_fails_);
      if (device_) device_->on(queue_.now_ns(), done);
    }
    if (device_ && device_->next_wake_ns() <= queue_.now_ns()) device_->tick(queue_.now_ns());
    after_step();
  }
  void after_step() {
    for (const ports::StorageOp op : disk_.take_submitted()) {
      if (!disk_never_) queue_.push(queue_.now_ns() + kMillisecondNs, 0, kDisk, op);
    }
    const TimeNs wake_ns = device_ ? device_->next_wake_ns() : kNeverNs;
    if (wake_ns != kNeverNs) queue_.push(std::max(wake_ns, queue_.now_ns()), 0, kNothing);
  }

  void answer(ports::RequestId id, const ports::Answer&) override { ended_[id] = true; }
  void refuse(ports::RequestId id, const ports::Refusal&) override { ended_[id] = false; }
  void worker_ready(const ports::WorkerReady& event) override { device_->on(queue_.now_ns(), event); }
  void worker_answered(const ports::WorkerAnswered& event) override { device_->on(queue_.now_ns(), event); }
  void worker_gone(const ports::WorkerGone& event) override { device_->on(queue_.now_ns(), event); }
  void rung_event(TimeNs, std::uint32_t, std::uint32_t, ladder::RungEvent, std::string_view) override {}

  fakes::EventQueue queue_;
  fakes::FakeWorkers workers_;
  fakes::Disk disk_;
  fakes::SeededRandom random_;
  std::vector<ModelSetup> setups_;
  std::unique_ptr<Device> device_;
  Bytes input_ = Bytes(8, std::byte{7});
  std::map<ports::RequestId, bool> ended_;
  ports::RequestId asked_ = 0;
  bool disk_never_ = false;
  bool disk_fails_ = false;
};

}  // namespace lichen::device
