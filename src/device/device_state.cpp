// SPDX-License-Identifier: Apache-2.0
#include "device/device_state.hpp"

#include <fmt/format.h>

#include "ports/inference.hpp"

namespace lichen::device {
namespace {

constexpr std::uint32_t kFormat = 1;

}  // namespace

Bytes encode(const DeviceState& state) {
  Bytes out;
  ByteWriter writer(out);
  writer.put(kFormat);
  writer.put(state.boot_id);
  writer.put(static_cast<std::uint32_t>(state.times_opened.size()));
  for (const auto& rungs : state.times_opened) {
    writer.put(static_cast<std::uint32_t>(rungs.size()));
    for (const std::uint32_t times : rungs) writer.put(times);
  }
  return out;
}

Result<DeviceState> decode(ByteView bytes) {
  const auto damaged = [](std::string why) {
    return fail(Code::kDataLoss, "cannot use the saved state", "device state", std::move(why), "starting with none");
  };
  ByteReader reader(bytes);
  if (const auto format = reader.get<std::uint32_t>(); format != kFormat) {
    return damaged(fmt::format("format {} is not {}", format, kFormat));
  }
  DeviceState state;
  state.boot_id = reader.get<std::uint64_t>();
  const auto models = reader.get<std::uint32_t>();
  if (!reader.ok() || models > kStateModelsMax) return damaged("bad count of models");
  for (std::uint32_t m = 0; m < models; ++m) {
    const auto rungs = reader.get<std::uint32_t>();
    if (!reader.ok() || rungs > ports::kRungsMax) return damaged("bad count of rungs");
    auto& times = state.times_opened.emplace_back();
    for (std::uint32_t r = 0; r < rungs; ++r) times.push_back(reader.get<std::uint32_t>());
  }
  if (!reader.ok() || reader.left() != 0) return damaged("wrong length");
  return state;
}

}  // namespace lichen::device
