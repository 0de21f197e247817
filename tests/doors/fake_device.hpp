// SPDX-License-Identifier: Apache-2.0
// A device for the door's tests: answers at once, when told, or never.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "doors/device_view.hpp"
#include "ports/clock.hpp"
#include "ports/inference.hpp"

namespace lichen::doors {

class RealClock final : public ports::Clock {
 public:
  [[nodiscard]] TimeNs now_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
  [[nodiscard]] std::int64_t wall_s() const override { return 0; }
};

class FakeInference final : public ports::Inference {
 public:
  // What every request gets at once; without either it is held until the test answers.
  std::optional<Bytes> answer_at_once;
  bool echo = false;
  std::optional<ports::Refusal> refuse_at_once;
  std::vector<ports::Request> held;
  std::optional<ports::Request> last;
  Bytes last_input;  // the door's own bytes are gone once the request has ended
  ports::Answers* answers = nullptr;

  void submit(const ports::Request& request) override {
    last = request;
    last_input.assign(request.input.begin(), request.input.end());
    if (refuse_at_once) return answers->refuse(request.id, *refuse_at_once);
    if (echo) return give(request.id, request.input);
    if (answer_at_once) return give(request.id, *answer_at_once);
    held.push_back(request);
  }
  void give(ports::RequestId id, ByteView output) {
    answers->answer(id, {.rung = 1, .reason = ports::AnswerReason::kHung, .latency_ns = 1'500'000, .output = output});
  }
};

class FakeView final : public DeviceView {
 public:
  bool is_live = true;
  bool is_ready = true;
  [[nodiscard]] bool live() const override { return is_live; }
  [[nodiscard]] bool ready() const override { return is_ready; }
  [[nodiscard]] bool model_ready(std::uint32_t) const override { return is_ready; }
  ModelState state;
  std::uint64_t runs = 0;
  bool controllable = true;
  bool ready_when_loaded = true;
  std::vector<std::string> done;
  [[nodiscard]] ModelState model_state(std::uint32_t) const override { return state; }
  [[nodiscard]] std::uint64_t executions(std::uint32_t) const override { return runs; }
  Result<void> load(std::uint32_t) override { return control("load", true); }
  Result<void> unload(std::uint32_t) override { return control("unload", false); }
  Result<void> control(const char* what, bool loaded) {
    if (!controllable) return fail(Code::kUnsupported, what, "here", "not allowed");
    done.emplace_back(what);
    state.loaded = loaded;
    is_ready = loaded && ready_when_loaded;
    return {};
  }
  [[nodiscard]] Json status() const override { return {{"schema", "lichen.status.v1"}, {"mode", "test"}}; }
  [[nodiscard]] std::vector<Metric> metrics() const override {
    return {{"lichen_test_answers_total", "Answers.", MetricKind::kCounter, {{{{"rung", "primary"}}, 3, {}}}}};
  }
};

}  // namespace lichen::doors
