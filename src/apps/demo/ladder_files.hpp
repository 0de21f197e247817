// SPDX-License-Identifier: Apache-2.0
// What the demo serves, made on the spot: reads the digits, fits the models, and writes them and device.toml into a
// folder, as a user would.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "learn/labelled_data.hpp"

namespace lichen::demo {

inline constexpr std::size_t kDataBytesMax = 64 << 20;
inline constexpr const char* kModelName = "digits";

struct FittedRung {
  std::string name;
  std::string what;  // one line for people
  std::size_t file_bytes = 0;
  double accuracy = 0;  // on the held-out images, in process
};

struct LadderFiles {
  learn::LabelledData held_out;
  std::size_t train_rows = 0;
  std::vector<FittedRung> rungs;  // primary, compact, reflex
  std::string config;             // path of device.toml
};

// `data_path` is digits.csv or digits.csv.gz. A quarter of it is held out, chosen by `seed`.
[[nodiscard]] Result<LadderFiles> make_ladder_files(const std::string& data_path, const std::string& folder,
                                                    std::uint64_t seed);

}  // namespace lichen::demo
