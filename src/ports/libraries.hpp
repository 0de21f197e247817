// SPDX-License-Identifier: Apache-2.0
// Shared libraries that are loaded when they are first needed: foreign engines, which no program of ours links.
// Blocking: not for deciders. What was loaded stays to the end of the process, for what came out of it may live as
// long.
#pragma once

#include <string>

#include "base/error.hpp"

namespace lichen::ports {

class Libraries {
 public:
  virtual ~Libraries();
  // The address of `symbol` in `file`: a path, or a name that the dynamic linker looks for in its usual places.
  // kNotFound: there is no such library, it cannot be loaded, or it has no such symbol; with the reason.
  [[nodiscard]] virtual Result<void*> find(const std::string& file, const char* symbol) = 0;
};

}  // namespace lichen::ports
