// SPDX-License-Identifier: Apache-2.0
#include "base/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace lichen {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "lichen: assertion failed: %s at %s:%d; this is a bug, please report it\n", expression, file,
               line);
  std::abort();
}

}  // namespace lichen
