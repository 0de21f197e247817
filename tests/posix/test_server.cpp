// SPDX-License-Identifier: Apache-2.0
// A server behind the holder: tells every client its pid (as text), and ends at SIGTERM. With "--slow" it waits a
// moment before it accepts, so that connections surely queue while it is away.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>

#include "posix/listen_fds.hpp"

int main(int argc, char** argv) {
  auto sockets = lichen::posix::take_listen_sockets();
  if (!sockets || sockets->size() != 1 || (*sockets)[0].name != "rest") return 2;
  if (argc > 1 && std::string_view(argv[1]) == "--slow") std::this_thread::sleep_for(std::chrono::milliseconds(30));
  const std::string pid = std::to_string(::getpid()) + "\n";
  while (true) {
    const lichen::posix::Fd client(::accept((*sockets)[0].fd.get(), nullptr, nullptr));
    if (client.valid()) static_cast<void>(!::send(client.get(), pid.data(), pid.size(), MSG_NOSIGNAL));
  }
}
