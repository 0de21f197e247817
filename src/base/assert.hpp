// SPDX-License-Identifier: Apache-2.0
// LICHEN_ASSERT states what must hold, in release builds too. A failure is a bug of ours, never bad input:
// it prints one line on stderr and aborts.
#pragma once

namespace lichen {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}

#define LICHEN_ASSERT(...)                                          \
  do {                                                              \
    if (!(__VA_ARGS__)) [[unlikely]]                                \
      ::lichen::assertion_failed(#__VA_ARGS__, __FILE__, __LINE__); \
  } while (false)
