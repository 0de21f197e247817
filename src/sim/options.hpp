// SPDX-License-Identifier: Apache-2.0
// What a simulated run is asked to do. plan.hpp makes of it a Plan: everything that decides the run.
#pragma once

#include <cstdint>
#include <optional>

#include "base/units.hpp"
#include "sim/faults.hpp"

namespace lichen::sim {

enum class ShapeChoice : std::uint8_t {
  kPlain,  // the usual device, ladder and clients
  kSwarm,  // chosen by the seed: seeds differ in kind, not only in chance
};

struct Options {
  std::uint64_t seed = 1;
  std::uint32_t devices = 100;
  std::uint32_t hours = 24;
  // A set of Fault bits; nothing: a set chosen by the seed (swarm testing), of its own for every run.
  std::optional<std::uint32_t> faults;
  ShapeChoice shape = ShapeChoice::kPlain;
  TimeNs request_every_ns = 0;  // per device, on average; 0: what the shape says
};

inline constexpr std::uint32_t kDevicesMax = 1'000'000;
inline constexpr std::uint32_t kHoursMax = 24 * 366;

}  // namespace lichen::sim
