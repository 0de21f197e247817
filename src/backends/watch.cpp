// SPDX-License-Identifier: Apache-2.0
#include "backends/watch.hpp"

#include <chrono>

namespace lichen::backends {
namespace {

constexpr std::chrono::milliseconds kPeriod{1};

}  // namespace

Watch::~Watch() {
  {
    const std::scoped_lock lock(mutex_);
    leaving_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

bool Watch::is_needed(const engine::RunOptions& options) {
  return options.cancelled != nullptr || (options.clock != nullptr && options.deadline_ns != 0);
}

void Watch::begin(const engine::RunOptions& options) {
  {
    const std::scoped_lock lock(mutex_);
    run_ = &options;
    verdict_ = {};
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { look(); });
  changed_.notify_one();
}

Result<void> Watch::end() {
  const std::scoped_lock lock(mutex_);
  run_ = nullptr;
  return verdict_;
}

void Watch::look() {
  std::unique_lock lock(mutex_);
  while (!leaving_) {
    if (run_ == nullptr) {
      changed_.wait(lock);
      continue;
    }
    verdict_ = engine::may_go_on(*run_, {});
    if (!verdict_) {
      run_ = nullptr;
      stop_();
    } else {
      changed_.wait_for(lock, kPeriod);
    }
  }
}

}  // namespace lichen::backends
