// SPDX-License-Identifier: Apache-2.0
// Is a file's structure, its tables, vectors and strings, whole? Internal to this folder.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace lichen::formats {

// Null where every table is whole. Otherwise the innermost one that is not: "SubGraph 0, Tensor 7 (byte 1234)". Asks
// for at least 8 bytes.
[[nodiscard]] std::optional<std::string> broken_table(ByteView file);

}  // namespace lichen::formats
