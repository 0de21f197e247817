// SPDX-License-Identifier: Apache-2.0
#include "posix/listen_fds.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace lichen::posix {

namespace {

std::optional<long> number_in(const char* variable) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): as take_listen_sockets
  const char* text = ::getenv(variable);
  if (text == nullptr) return std::nullopt;
  long value = 0;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, value);
  if (error != std::errc() || at != end) return std::nullopt;
  return value;
}

std::string address_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return "unknown";
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    return fmt::format("{}:{}", text.data(), ntohs(v4->sin_port));
  }
  if (storage.ss_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
    ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    return fmt::format("[{}]:{}", text.data(), ntohs(v6->sin6_port));
  }
  if (storage.ss_family == AF_UNIX && length > offsetof(sockaddr_un, sun_path)) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&storage);
    return fmt::format("unix:{}", local->sun_path[0] == '\0' ? local->sun_path + 1 : local->sun_path);
  }
  return "unknown";
}

Result<ListenSocket> take(int fd, std::string_view name) {
  int listening = 0;
  socklen_t length = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) != 0) {
    return fail_errno(errno, "bad socket from the holder", fmt::format("descriptor {}", fd));
  }
  if (listening == 0) {
    return fail(Code::kBadInput, "bad socket from the holder", fmt::format("descriptor {}", fd), "it does not listen");
  }
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return ListenSocket{Fd(fd), std::string(name), address_of(fd)};
}

}  // namespace

Result<std::vector<ListenSocket>> take_listen_sockets() {
  const std::optional<long> pid = number_in("LISTEN_PID");
  const std::optional<long> count = number_in("LISTEN_FDS");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): as take_listen_sockets
  const char* names_text = ::getenv("LISTEN_FDNAMES");
  const std::string names = names_text == nullptr ? "" : names_text;
  // NOLINTNEXTLINE(concurrency-mt-unsafe): as take_listen_sockets
  for (const char* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(variable);
  std::vector<ListenSocket> sockets;
  if (!count || pid != ::getpid()) return sockets;
  if (*count < 0 || *count > kListenFdsMax) {
    return fail(Code::kExhausted, "bad sockets from the holder", "LISTEN_FDS", fmt::format("0 to {}", kListenFdsMax));
  }
  std::string_view names_left = names;
  for (int i = 0; i < *count; ++i) {
    const std::string_view name = names_left.substr(0, names_left.find(':'));
    names_left.remove_prefix(std::min(name.size() + 1, names_left.size()));
    sockets.push_back(LICHEN_TRY(take(kListenFdFirst + i, name)));
  }
  return sockets;
}

}  // namespace lichen::posix
