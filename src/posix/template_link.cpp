// SPDX-License-Identifier: Apache-2.0
#include "posix/template_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace lichen::posix {

namespace {

constexpr int kExitCannotRun = 127;  // as shells say it

// In the child of a process with threads: async-signal-safe calls only.
[[noreturn]] void become_template(const char* program, char* const* arguments, int socket, pid_t agent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != agent) ::_exit(kExitCannotRun);  // the agent died before the line above
  ::setsid();                                         // Ctrl-C on the agent's terminal is for the agent
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  const auto socket_number = static_cast<unsigned>(socket);
  if (socket_number > 3) posix::close_range(3, socket_number - 1);
  posix::close_range(socket_number + 1, ~0U);
  ::fcntl(socket, F_SETFD, 0);
  ::execv(program, arguments);
  ::_exit(kExitCannotRun);
}

}  // namespace

Result<TemplateLink> TemplateLink::spawn(const std::string& program, const std::vector<std::string>& arguments) {
  auto [ours, theirs] = LICHEN_TRY(make_socket_pair());
  if (theirs.get() <= STDERR_FILENO)
    return fail(Code::kIo, "cannot start the worker template", program, "stdio is closed");
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), {"--template", std::to_string(theirs.get())});
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  const pid_t agent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno(errno, "cannot start the worker template", program);
  if (pid == 0) become_template(program.c_str(), pointers.data(), theirs.get(), agent);
  Fd pidfd = pidfd_open(pid);  // not reaped by anyone else, so it is still this process
  if (!pidfd.valid()) {
    const int error_number = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail_errno(error_number, "cannot watch the worker template (needs Linux 5.3)", program);
  }
  return TemplateLink(std::move(pidfd), pid, std::move(ours));
}

TemplateLink::~TemplateLink() {
  if (!pidfd_.valid()) return;
  ::shutdown(socket_.get(), SHUT_RDWR);
  pollfd end{pidfd_.get(), POLLIN, 0};
  while (::poll(&end, 1, kTemplateGoodbyeMsMax) < 0 && errno == EINTR) continue;
  kill_and_reap();
}

SendOutcome TemplateLink::request_worker(ports::WorkerId worker, const WorkerJobSpec& job, int memory_fd,
                                         int event_fd) {
  Bytes bytes;
  ByteWriter out(bytes);
  out.put(worker);
  encode(job, out);
  return send_packet(socket_.get(), bytes, std::array{memory_fd, event_fd}, Blocking::kNo);
}

std::optional<TemplateLink::Reply> TemplateLink::receive() {
  Packet packet;
  switch (receive_packet(socket_.get(), packet, Blocking::kNo)) {
    case ReceiveOutcome::kWouldBlock:
      return std::nullopt;
    case ReceiveOutcome::kClosed:
      closed_ = true;
      return std::nullopt;
    case ReceiveOutcome::kReceived:
      break;
  }
  ByteReader in(packet.bytes);
  Result<TemplateReply> message = decode_template_reply(in);
  const std::size_t fds = message && message->kind == TemplateReply::Kind::kStarted ? 1 : 0;
  if (!message || packet.fds.size() != fds) {
    closed_ = true;  // it does not speak our language: as good as gone
    return std::nullopt;
  }
  return Reply{*message, fds == 1 ? std::move(packet.fds[0]) : Fd()};
}

std::string TemplateLink::kill_and_reap() {
  static_cast<void>(pidfd_send_signal(pidfd_.get(), SIGKILL));  // fails if it is dead, and then all is well
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pidfd_.reset();
  closed_ = true;
  return text_of_wait_status(status);
}

}  // namespace lichen::posix
