// SPDX-License-Identifier: Apache-2.0
// A shared library that is loaded when it is needed, by its name: optional parts that not every program should carry.
// It stays loaded to the end of the process, for what came out of it may live as long.
#pragma once

#include <string>

#include "base/error.hpp"
#include "ports/libraries.hpp"

namespace lichen::posix {

class Library {
 public:
  // `file`: "liblichen_onnx.so.0", looked for where the dynamic linker looks for the caller's own libraries, or a path.
  // kNotFound: it cannot be loaded, with the linker's reason.
  static Result<Library> open(const std::string& file);

  // Null: it has no such symbol.
  [[nodiscard]] void* symbol(const char* name) const;

 private:
  explicit Library(void* handle) : handle_(handle) {}
  void* handle_;
};

// The same behind the port.
class Libraries final : public ports::Libraries {
 public:
  [[nodiscard]] Result<void*> find(const std::string& file, const char* symbol) override;
};

}  // namespace lichen::posix
