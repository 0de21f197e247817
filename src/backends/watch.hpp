// SPDX-License-Identifier: Apache-2.0
// Ends runs of engines that cannot look at a flag or a clock themselves but can be told to stop by another thread. The
// thread is started with the first run that needs it, and looks every millisecond.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/error.hpp"
#include "engine/session.hpp"

namespace lichen::backends {

class Watch {
 public:
  // `stop` is called from the watching thread, at most once a run, and never after that run's end().
  explicit Watch(std::function<void()> stop) : stop_(std::move(stop)) {}
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Can a run with these options be told to stop at all? If not it needs no watch.
  [[nodiscard]] static bool is_needed(const engine::RunOptions& options);

  // Around one run; what `options` points to must live until end(). end() tells whether `stop` was called, and why.
  void begin(const engine::RunOptions& options);
  [[nodiscard]] Result<void> end();

 private:
  void look();

  std::function<void()> stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const engine::RunOptions* run_ = nullptr;  // guarded, like all below: the run that is watched
  Result<void> verdict_;
  bool leaving_ = false;
  std::thread thread_;
};

}  // namespace lichen::backends
