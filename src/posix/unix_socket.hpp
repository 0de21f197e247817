// SPDX-License-Identifier: Apache-2.0
// Small messages with descriptors over a SOCK_SEQPACKET pair: between the agent and its worker template.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "posix/os.hpp"

namespace lichen::posix {

inline constexpr std::size_t kPacketBytesMax = 32 << 10;
inline constexpr std::size_t kPacketFdsMax = 4;

struct Packet {
  Bytes bytes;
  std::vector<Fd> fds;  // received ones are close-on-exec
};

// Two connected ends, close-on-exec.
[[nodiscard]] Result<std::pair<Fd, Fd>> make_socket_pair();

enum class Blocking { kNo, kYes };

enum class SendOutcome { kSent, kWouldBlock, kBroken };
[[nodiscard]] SendOutcome send_packet(int socket, ByteView bytes, std::span<const int> fds, Blocking blocking);

enum class ReceiveOutcome { kReceived, kWouldBlock, kClosed };
[[nodiscard]] ReceiveOutcome receive_packet(int socket, Packet& packet, Blocking blocking);

}  // namespace lichen::posix
