// SPDX-License-Identifier: Apache-2.0
#include "posix/sd_notify.hpp"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <string>

#include "posix/os.hpp"

namespace lichen::posix {

void sd_notify(std::string_view state) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment after the start.
  const char* variable = ::getenv("NOTIFY_SOCKET");
  if (variable == nullptr) return;
  std::string path = variable;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return;
  if (path[0] == '@') path[0] = '\0';  // the abstract namespace
  std::ranges::copy(path, address.sun_path);
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  static_cast<void>(::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&address), length));
}

}  // namespace lichen::posix
