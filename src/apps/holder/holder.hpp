// SPDX-License-Identifier: Apache-2.0
// Keeps listening sockets open and a command running on them, for machines without systemd: the command gets the
// sockets by the protocol of sd_listen_fds(3), and is started again whenever it ends. While it is away connections wait
// in the sockets' backlog; none is refused.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "listener.hpp"

namespace lichen::holder {

inline constexpr TimeNs kSteadyNs = kSecondNs;                 // a command that ran this long is restarted at once
inline constexpr int kQuickRestartsMax = 5;                    // and so are this many that ended sooner, in a row
inline constexpr TimeNs kBackoffNsMin = 10 * kMillisecondNs;   // then it waits, twice as long each time
inline constexpr TimeNs kBackoffNsMax = 250 * kMillisecondNs;  // but never longer than this
inline constexpr TimeNs kStopPatienceNs = 10 * kSecondNs;      // from SIGTERM to SIGKILL

class Holder {
 public:
  Holder(std::vector<Listener> listeners, std::vector<std::string> command)
      : listeners_(std::move(listeners)), command_(std::move(command)) {}

  // Runs until SIGTERM or SIGINT, or until the command says that it cannot run at all (usage error, not found).
  // Returns the exit code.
  int run();

 private:
  enum class Wake { kChild, kStop, kTimeout };

  Result<void> start();
  [[noreturn]] void become_command(pid_t holder);
  Wake wait(TimeNs patience_ns);
  bool ended();  // reaps the command, if it did
  [[nodiscard]] bool is_final() const;
  TimeNs backoff_ns();
  int stop();
  [[nodiscard]] int exit_code() const;

  std::vector<Listener> listeners_;
  std::vector<std::string> command_;
  pid_t pid_ = 0;  // 0: not running
  int status_ = 0;
  int signal_ = 0;
  TimeNs started_ns_ = 0;
  int quick_ends_ = 0;
};

}  // namespace lichen::holder
