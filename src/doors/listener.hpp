// SPDX-License-Identifier: Apache-2.0
// Listening sockets, as plain descriptors: opened here or handed over by whoever started us.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace lichen::doors {

// A descriptor that is closed unless released.
class OwnedFd {
 public:
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) = delete;
  ~OwnedFd();
  [[nodiscard]] int get() const { return fd_; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

// A numeric IPv4 or IPv6 address or "localhost" (127.0.0.1); port 0 picks a free one.
[[nodiscard]] Result<OwnedFd> open_tcp_listener(const std::string& address, std::uint16_t port, int backlog);

// Replaces a socket file that nobody listens on any more; leaves one alone that is in use.
[[nodiscard]] Result<OwnedFd> open_unix_listener(const std::string& path, int backlog, std::uint32_t mode);

// Refuses descriptors that are no listening stream sockets.
[[nodiscard]] Result<void> check_listening(int fd);

// Who is at the other end of a connection.
struct Peer {
  std::string name;                         // "127.0.0.1", "user 1000"; one client as far as limits go
  std::optional<std::uint32_t> user = {};   // behind a Unix-domain socket
};
inline constexpr std::string_view kUnknownPeer = "unknown";  // the name of one that is gone
[[nodiscard]] Peer peer_of(int fd);

// The address family (AF_INET, AF_INET6, AF_UNIX) that the socket is bound in.
[[nodiscard]] int family_of(int fd);
// The bound TCP port; 0 for other families.
[[nodiscard]] std::uint16_t port_of(int fd);

// The descriptor is not passed on to programs that we start.
void set_close_on_exec(int fd);

}  // namespace lichen::doors
