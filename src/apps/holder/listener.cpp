// SPDX-License-Identifier: Apache-2.0
#include "listener.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>

namespace lichen::holder {

namespace {

struct Address {
  std::string name;
  std::string host;
  std::string port;
};

Result<Address> parse(std::string_view text) {
  Address address;
  std::string_view rest = text;
  if (const auto equals = rest.find('='); equals != std::string_view::npos) {
    address.name = rest.substr(0, equals);
    rest.remove_prefix(equals + 1);
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos)
    return fail(Code::kBadInput, "cannot listen", std::string(text), "no port", "HOST:PORT");
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  address.host = host;
  address.port = rest.substr(colon + 1);
  const bool number = !address.port.empty() && address.port.size() <= 5 &&
                      std::ranges::all_of(address.port, [](unsigned char c) { return std::isdigit(c) != 0; });
  if (host.empty() || !number || std::stoi(address.port) > 65535) {
    return fail(Code::kBadInput, "cannot listen", std::string(text), "not an address",
                "HOST:PORT, for example 127.0.0.1:8080");
  }
  return address;
}

int port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return 0;
  return storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port)
                                       : ntohs(reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

}  // namespace

Result<Listener> listen_on(std::string_view text) {
  Address address = LICHEN_TRY(parse(text));
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found); error != 0) {
    return fail(Code::kBadInput, "cannot listen", std::string(text), ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, &::freeaddrinfo);
  posix::Fd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return posix::fail_errno(errno, "cannot listen", std::string(text));
  const int on = 1;
  // After a restart of the holder, old connections in TIME_WAIT must not keep the port.
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return posix::fail_errno(errno, "cannot listen", std::string(text));
  }
  const std::string host = found->ai_family == AF_INET6 ? "[" + address.host + "]" : address.host;
  const std::string where = fmt::format("{}:{}", host, port_of(fd.get()));
  return Listener{std::move(fd), std::move(address.name), where};
}

}  // namespace lichen::holder
