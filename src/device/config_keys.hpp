// SPDX-License-Identifier: Apache-2.0
// The keys of device.toml: one table for the reader, for unknown keys, and for the explanation.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace lichen::device {

struct ConfigKey {
  std::string_view section;  // "server", "model.rung", ...
  std::string_view name;
  std::string_view shown;  // its default, or an example where there is none, as TOML
  std::string_view help;
};

// In the order in which they are explained.
[[nodiscard]] std::span<const ConfigKey> config_keys();

[[nodiscard]] bool is_config_key(std::string_view section, std::string_view name);

// The known name in this section (a key or a subsection) with the fewest edits to `name`; empty if none is near.
[[nodiscard]] std::string nearest_config_key(std::string_view section, std::string_view name);

}  // namespace lichen::device
