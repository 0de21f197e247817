// SPDX-License-Identifier: Apache-2.0
// Listening sockets that were bound before this process began: by systemd's socket activation or by lichen-holder, both
// with the protocol of sd_listen_fds(3). While the agent is away, connections wait in their backlog.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "posix/os.hpp"

namespace lichen::posix {

inline constexpr int kListenFdFirst = 3;
inline constexpr int kListenFdsMax = 16;

struct ListenSocket {
  Fd fd;              // close-on-exec, listening
  std::string name;   // from LISTEN_FDNAMES ("rest", "grpc"); may be empty
  std::string where;  // "127.0.0.1:8080", "[::1]:8080", "unix:/run/x"; for logs
};

// Takes them over, in order, and clears the variables so that children do not. Empty if nobody passed any.
// Changes the environment: call it first thing, before other threads.
[[nodiscard]] Result<std::vector<ListenSocket>> take_listen_sockets();

}  // namespace lichen::posix
