// SPDX-License-Identifier: Apache-2.0
// Binds one listening TCP socket from "[NAME=]HOST:PORT".
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "posix/os.hpp"

namespace lichen::holder {

inline constexpr int kBacklog = 1024;  // connections that wait while the command is away; the kernel may allow fewer

struct Listener {
  posix::Fd fd;
  std::string name;   // for LISTEN_FDNAMES; may be empty
  std::string where;  // "127.0.0.1:8080", with the port that was picked for 0
};

// HOST is an address or a name, an IPv6 address in brackets; PORT a number, 0 for any.
[[nodiscard]] Result<Listener> listen_on(std::string_view text);

}  // namespace lichen::holder
