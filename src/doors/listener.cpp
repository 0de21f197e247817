// SPDX-License-Identifier: Apache-2.0
#include "doors/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

namespace lichen::doors {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::unexpected<Error> system_failure(int number, std::string what, std::string where, std::string hint) {
  return fail(Code::kIo, std::move(what), std::move(where), std::generic_category().message(number), std::move(hint));
}

Result<Address> tcp_address(const std::string& text, std::uint16_t port) {
  Address address;
  const std::string numeric = text == "localhost" ? "127.0.0.1" : text;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, numeric.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.length = sizeof v4;
  } else if (inet_pton(AF_INET6, numeric.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.length = sizeof v6;
  } else {
    return fail(Code::kBadInput, "cannot listen", text, "not an IP address",
                "write it in numbers, as in 127.0.0.1 or ::1");
  }
  return address;
}

Result<Address> unix_address(const std::string& path) {
  sockaddr_un un{};
  if (path.empty() || path.size() >= sizeof un.sun_path) {
    return fail(Code::kBadInput, "cannot listen", path,
                fmt::format("a socket's path has 1 to {} bytes", sizeof un.sun_path - 1), "choose a shorter path");
  }
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  Address address;
  std::memcpy(&address.storage, &un, sizeof un);
  address.length = sizeof un;
  return address;
}

Result<OwnedFd> new_socket(int family, const std::string& where) {
  OwnedFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0)
    return system_failure(errno, "cannot make a socket", where,
                          "raise the limit of open files, or enable the address family");
  return fd;
}

// True where a socket file exists but nobody answers behind it.
bool is_stale(const Address& address, const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe.get() >= 0 && ::connect(probe.get(), address.get(), address.length) != 0 && errno == ECONNREFUSED;
}

}  // namespace

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<OwnedFd> open_tcp_listener(const std::string& address, std::uint16_t port, int backlog) {
  const Address bound = LICHEN_TRY(tcp_address(address, port));
  const std::string where = fmt::format("{}, port {}", address, port);
  OwnedFd fd = LICHEN_TRY(new_socket(bound.storage.ss_family, where));
  const int on = 1;  // a restart must not wait for old connections to time out
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), bound.get(), bound.length) != 0 || ::listen(fd.get(), backlog) != 0) {
    const char* hint = errno == EADDRINUSE
                           ? "another program listens there: stop it, or choose another port (0 picks one)"
                           : "choose an address of this machine, and a port that you may use";
    return system_failure(errno, "cannot listen", where, hint);
  }
  return fd;
}

Result<OwnedFd> open_unix_listener(const std::string& path, int backlog, std::uint32_t mode) {
  const Address bound = LICHEN_TRY(unix_address(path));
  OwnedFd fd = LICHEN_TRY(new_socket(AF_UNIX, path));
  if (is_stale(bound, path)) (void)::unlink(path.c_str());
  if (::bind(fd.get(), bound.get(), bound.length) != 0 || ::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0 ||
      ::listen(fd.get(), backlog) != 0) {
    return system_failure(errno, "cannot listen", path,
                          "choose a path in a folder that you may write, and that no other program uses");
  }
  return fd;
}

Result<void> check_listening(int fd) {
  int listening = 0;
  int type = 0;
  socklen_t length = sizeof listening;
  const bool known = ::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) == 0 &&
                     ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
  if (known && listening != 0 && type == SOCK_STREAM) return {};
  return fail(Code::kBadInput, "cannot use the socket that was handed over", fmt::format("descriptor {}", fd),
              "it is no listening stream socket", "check ListenStream= of the socket unit");
}

int family_of(int fd) {
  Address address;
  address.length = sizeof address.storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.length) != 0) return AF_UNSPEC;
  return address.storage.ss_family;
}

Peer peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  char text[INET6_ADDRSTRLEN] = "";
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return {std::string(kUnknownPeer)};
  if (storage.ss_family == AF_UNIX) {
    ucred credentials{};
    length = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return {std::string(kUnknownPeer)};
    return {fmt::format("user {}", credentials.uid), credentials.uid};
  }
  const void* address = storage.ss_family == AF_INET
                            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr)
                            : &reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
  if (::inet_ntop(storage.ss_family, address, text, sizeof text) == nullptr) return {std::string(kUnknownPeer)};
  return {text};
}

std::uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return 0;
  in_port_t port = 0;  // at the same offset in both families
  static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
  std::memcpy(&port, reinterpret_cast<const char*>(&storage) + offsetof(sockaddr_in, sin_port), sizeof port);
  return ntohs(port);
}

void set_close_on_exec(int fd) {
  (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace lichen::doors
