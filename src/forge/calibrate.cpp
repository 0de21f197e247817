// SPDX-License-Identifier: Apache-2.0
#include "forge/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "engine/session.hpp"

namespace lichen::forge {
namespace {

constexpr const char* kCalibrating = "cannot calibrate model";
constexpr Range kNothingSeen{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};

std::string name_of(const graph::Graph& model, graph::TensorId id) {
  return fmt::format("{}, tensor {} '{}'", model.name, id, model.tensor(id).spec.name);
}

// Widens `range` by the f32 values in `bytes`; false if one of them is not finite.
bool widen(Range& range, ByteView bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    if (!std::isfinite(value)) return false;
    range.min = std::min(range.min, value);
    range.max = std::max(range.max, value);
  }
  return true;
}

// The same model with every computed tensor as an output, and which tensor each output is.
graph::Graph observed(const graph::Graph& model) {
  graph::Graph all = model;
  all.outputs.clear();
  for (const graph::Node& node : model.nodes) all.outputs.push_back(node.outputs[0]);
  return all;
}

Result<void> require_f32(const graph::Graph& model) {
  std::vector<graph::TensorId> computed = model.inputs;
  for (const graph::Node& node : model.nodes) computed.insert(computed.end(), node.outputs.begin(), node.outputs.end());
  for (const graph::TensorId id : computed) {
    if (model.tensor(id).spec.dtype == tensor::DType::kF32) continue;
    return fail(Code::kUnsupported, kCalibrating, name_of(model, id), "it is not computed in f32");
  }
  return {};
}

class Observer {
 public:
  Observer(const graph::Graph& model, const graph::Graph& all, engine::Session& session)
      : model_(model), all_(all), session_(session), ranges_(model.tensors.size(), kNothingSeen) {}

  Result<void> see(ByteView sample, std::size_t index) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < session_.inputs().size(); ++i) {
      const std::span<std::byte> input = session_.input(i);
      if (input.size() > sample.size() - at) return wrong_size(sample, index);
      std::memcpy(input.data(), sample.data() + at, input.size());
      LICHEN_TRY(widen_tensor(model_.inputs[i], input, index));
      at += input.size();
    }
    if (at != sample.size()) return wrong_size(sample, index);
    LICHEN_TRY(session_.run());
    for (std::size_t i = 0; i < all_.outputs.size(); ++i) {
      LICHEN_TRY(widen_tensor(all_.outputs[i], session_.output(i), index));
    }
    return {};
  }

  std::vector<Range> ranges() {
    for (Range& range : ranges_) {
      if (range.min > range.max) range = {};
    }
    return std::move(ranges_);
  }

 private:
  Result<void> widen_tensor(graph::TensorId id, ByteView bytes, std::size_t sample) {
    if (widen(ranges_[static_cast<std::size_t>(id)], bytes)) return {};
    return fail(Code::kBadInput, kCalibrating, fmt::format("{}, sample {}", name_of(model_, id), sample),
                "a value that is not finite");
  }
  static std::unexpected<Error> wrong_size(ByteView sample, std::size_t index) {
    return fail(Code::kBadInput, kCalibrating, fmt::format("sample {}", index),
                fmt::format("{} bytes are not what the model's inputs take", sample.size()));
  }

  const graph::Graph& model_;
  const graph::Graph& all_;
  engine::Session& session_;
  std::vector<Range> ranges_;
};

}  // namespace

Result<std::vector<Range>> measure_ranges(const graph::Graph& model, std::span<const Bytes> samples) {
  if (samples.empty()) return fail(Code::kBadInput, kCalibrating, model.name, "no samples", "give some real inputs");
  LICHEN_TRY(require_f32(model));
  const graph::Graph all = observed(model);
  const std::unique_ptr<engine::Session> session = LICHEN_TRY(engine::Session::create(all, {}));
  Observer observer(model, all, *session);
  for (std::size_t i = 0; i < samples.size(); ++i) LICHEN_TRY(observer.see(samples[i], i));
  return observer.ranges();
}

}  // namespace lichen::forge
