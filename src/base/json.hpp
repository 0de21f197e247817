// SPDX-License-Identifier: Apache-2.0
// JSON from outside: nlohmann-json behind a Result, with a depth limit (its own parser recurses without one) and with
// the byte at which a document breaks.
#pragma once

#include <cstddef>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace lichen {

using Json = nlohmann::json;

inline constexpr std::size_t kJsonDepthMax = 32;

// Parses one UTF-8 document. `where` names the source in the error ("request body").
[[nodiscard]] Result<Json> parse_json(std::string_view text, std::string_view where,
                                      std::size_t depth_max = kJsonDepthMax);

// The error as {"code", "what", "where", "why", "try"}.
[[nodiscard]] Json to_json(const Error& error);

}  // namespace lichen
