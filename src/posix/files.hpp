// SPDX-License-Identifier: Apache-2.0
// Whole small files for programs that start: configs, tables, models, inputs. Blocking: not for the agent while it
// serves.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::posix {

// A whole file of at most `bytes_max` bytes.
[[nodiscard]] Result<Bytes> read_file(const std::string& path, std::size_t bytes_max);

// `path`, taken relative to the folder of `config_path` unless it is absolute.
[[nodiscard]] std::string beside(const std::string& config_path, const std::string& path);

// Replaces the file's content; not atomic, not synced.
[[nodiscard]] Result<void> write_file(const std::string& path, ByteView content);

// The path of a program in the same folder as this one.
[[nodiscard]] std::string sibling_program(const std::string& name);

}  // namespace lichen::posix
