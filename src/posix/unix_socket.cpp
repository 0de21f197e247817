// SPDX-License-Identifier: Apache-2.0
#include "posix/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

#include "base/assert.hpp"

namespace lichen::posix {

namespace {

constexpr std::size_t kControlBytes = CMSG_SPACE(kPacketFdsMax * sizeof(int));

void take_fds(msghdr& message, std::vector<Fd>& fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

}  // namespace

Result<std::pair<Fd, Fd>> make_socket_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(errno, "cannot make a socket pair");
  }
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

SendOutcome send_packet(int socket, ByteView bytes, std::span<const int> fds, Blocking blocking) {
  LICHEN_ASSERT(bytes.size() <= kPacketBytesMax && fds.size() <= kPacketFdsMax);
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  const int flags = MSG_NOSIGNAL | (blocking == Blocking::kYes ? 0 : MSG_DONTWAIT);
  while (::sendmsg(socket, &message, flags) < 0) {
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS ? SendOutcome::kWouldBlock : SendOutcome::kBroken;
  }
  return SendOutcome::kSent;
}

ReceiveOutcome receive_packet(int socket, Packet& packet, Blocking blocking) {
  packet.fds.clear();
  packet.bytes.resize(kPacketBytesMax);
  iovec part{packet.bytes.data(), packet.bytes.size()};
  alignas(cmsghdr) std::array<char, kControlBytes> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const int flags = MSG_CMSG_CLOEXEC | (blocking == Blocking::kYes ? 0 : MSG_DONTWAIT);
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, flags);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? ReceiveOutcome::kWouldBlock : ReceiveOutcome::kClosed;
  if (got == 0) return ReceiveOutcome::kClosed;
  take_fds(message, packet.fds);
  packet.bytes.resize(static_cast<std::size_t>(got));
  return ReceiveOutcome::kReceived;
}

}  // namespace lichen::posix
