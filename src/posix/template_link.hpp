// SPDX-License-Identifier: Apache-2.0
// The agent's hold on the worker template: a process that was started with exec (so that it shares nothing with the
// agent's memory), never sees a model or an input, and forks one worker for each request.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "posix/os.hpp"
#include "posix/unix_socket.hpp"
#include "posix/worker_job.hpp"

namespace lichen::posix {

inline constexpr int kTemplateGoodbyeMsMax = 1'000;  // from the request to end until it is killed

class TemplateLink {
 public:
  // Runs `program` `arguments`... --template FD. It dies with the calling *thread* (PR_SET_PDEATHSIG), which therefore
  // must be one that lives as long as the agent. A program that cannot be run shows as a link that closes.
  static Result<TemplateLink> spawn(const std::string& program, const std::vector<std::string>& arguments);
  TemplateLink(TemplateLink&&) = default;
  TemplateLink& operator=(TemplateLink&&) = delete;
  // Ends and reaps it, if it has not been reaped: it is asked first, so that it can reap its dead workers, then killed.
  ~TemplateLink();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int socket() const { return socket_.get(); }  // readable: a reply waits, or the template is gone

  SendOutcome request_worker(ports::WorkerId worker, const WorkerJobSpec& job, int memory_fd, int event_fd);

  struct Reply {
    TemplateReply message;
    Fd pidfd;  // of a started worker
  };
  // The next reply; nothing if none waits. closed() says whether that is because the template is gone.
  std::optional<Reply> receive();
  [[nodiscard]] bool closed() const { return closed_; }

  // Kills it if it is alive, waits for its end (it has no memory to free: microseconds) and says how it ended.
  std::string kill_and_reap();

 private:
  TemplateLink(Fd pidfd, pid_t pid, Fd socket) : pidfd_(std::move(pidfd)), pid_(pid), socket_(std::move(socket)) {}

  Fd pidfd_;  // invalid after reaping
  pid_t pid_;
  Fd socket_;
  bool closed_ = false;
};

}  // namespace lichen::posix
