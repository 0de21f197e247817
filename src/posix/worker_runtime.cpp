// SPDX-License-Identifier: Apache-2.0
#include "posix/worker_runtime.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <map>
#include <memory>
#include <new>

#include <fmt/format.h>

#include "posix/clock.hpp"
#include "posix/os.hpp"
#include "posix/sandbox.hpp"
#include "posix/unix_socket.hpp"
#include "posix/worker_channel.hpp"

namespace lichen::posix {

WorkerBody::~WorkerBody() = default;

namespace {

// When memory runs out on the device, the kernel takes a worker (which is replaced) before it takes the agent.
constexpr const char* kWorkerOomScore = "500";

// ---- the worker

Result<Fd> open_model(const std::string& path) {
  if (path.empty()) return Fd();
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd.valid()) return fail_errno(errno, "cannot open the model", path);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "cannot open the model", path);
  if (!S_ISREG(status.st_mode)) return fail(Code::kBadInput, "cannot open the model", path, "not a regular file");
  if (status.st_size == 0) return fail(Code::kBadInput, "cannot open the model", path, "it is empty");
  if (static_cast<std::size_t>(status.st_size) > kModelBytesMax) {
    return fail(Code::kExhausted, "cannot open the model", path, "above the limit of 2 GiB");
  }
  return fd;
}

Result<ByteView> map_model(Fd fd, const std::string& path) {
  if (!fd.valid()) return ByteView{};
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "cannot map the model", path);
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* at = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map the model", path);
  return ByteView(static_cast<const std::byte*>(at), bytes);
}

Result<void> pin(const std::optional<std::uint32_t>& cpu) {
  if (!cpu) return {};
  cpu_set_t set;
  CPU_ZERO(&set);
  if (*cpu >= CPU_SETSIZE)
    return fail(Code::kBadInput, "cannot pin the worker", fmt::format("cpu {}", *cpu), "no such CPU");
  CPU_SET(*cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    return fail_errno(errno, "cannot pin the worker", fmt::format("cpu {}", *cpu));
  }
  return {};
}

Result<void> start_body(const WorkerJobSpec& spec, pid_t parent, int event_fd, WorkerBody& body) {
  Fd model = LICHEN_TRY(open_model(spec.model_path));
  LICHEN_TRY(pin(spec.cpu));
  if (niceness() < 0) set_niceness(0);  // the agent's head start is for answering in time, not for computing
  SandboxPolicy policy;
  policy.mode = spec.sandbox;
  policy.memory_bytes_max = spec.memory_bytes_max;
  policy.threads = spec.threads;
  policy.drop_user = spec.drop_user;
  policy.parent = parent;
  policy.event_fd = event_fd;
  policy.model_fd = model.get();
  LICHEN_TRY(enter_sandbox(policy));
  const ByteView bytes = LICHEN_TRY(map_model(std::move(model), spec.model_path));
  return body.load(spec, bytes);
}

[[noreturn]] void serve_jobs(WorkerChannel& channel, WorkerBody& body) {
  const MonotonicClock clock;
  while (true) {
    const ByteView input = channel.wait_for_job();
    const TimeNs began_ns = clock.now_ns();
    const Result<void> done = body.run(input, channel.output());
    channel.respond(done ? JobStatus::kOk : JobStatus::kRefused, clock.now_ns() - began_ns);
  }
}

struct WorkerRequest {
  ports::WorkerId worker = 0;
  WorkerJobSpec spec;
  Fd memory;
  Fd event;
};

[[noreturn]] void worker_main(WorkerRequest request, pid_t parent, WorkerBody& body) {
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  auto attached =
      WorkerChannel::attach(request.memory.get(), request.event.get(), tensor::bytes_of_all(request.spec.inputs),
                            tensor::bytes_of_all(request.spec.outputs));
  if (!attached) ::_exit(kExitNoChannel);
  WorkerChannel& channel = **attached;
  channel.register_life();
  try {
    if (Result<void> started = start_body(request.spec, parent, request.event.get(), body); !started) {
      channel.set_failed(started.error().to_line());
      ::_exit(kExitStartFailed);
    }
    channel.set_ready();
    serve_jobs(channel, body);
  } catch (const std::bad_alloc&) {
    channel.set_failed("out of memory limit");
    ::_exit(kExitOutOfMemory);
  } catch (const std::exception& error) {
    channel.set_failed(error.what());
    ::_exit(kExitException);
  }
}

// ---- the template

class Template {
 public:
  Template(int socket, WorkerBody& body) : socket_(socket), body_(body) {}

  int serve() {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::pthread_sigmask(SIG_BLOCK, &child, nullptr);
    const Fd ended(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!ended.valid()) return 1;
    std::array<pollfd, 2> sources = {pollfd{socket_, POLLIN, 0}, pollfd{ended.get(), POLLIN, 0}};
    while (true) {
      if (::poll(sources.data(), sources.size(), -1) < 0) {
        if (errno == EINTR) continue;
        return 1;
      }
      if ((sources[1].revents & POLLIN) != 0) {
        signalfd_siginfo info{};
        while (::read(ended.get(), &info, sizeof info) > 0) continue;
        reap();
      }
      if (sources[0].revents != 0 && !take_request()) break;
    }
    reap();  // those that are dead already; the others die with us
    return 0;
  }

 private:
  // False: the agent is gone.
  bool take_request() {
    Packet packet;
    if (receive_packet(socket_, packet, Blocking::kYes) != ReceiveOutcome::kReceived) return false;
    ByteReader in(packet.bytes);
    WorkerRequest request;
    request.worker = in.get<ports::WorkerId>();
    Result<WorkerJobSpec> spec = decode_worker_job(in);
    if (!spec || packet.fds.size() != 2) return reply({TemplateReply::Kind::kStartFailed, request.worker, EINVAL}, {});
    request.spec = std::move(*spec);
    request.memory = std::move(packet.fds[0]);
    request.event = std::move(packet.fds[1]);
    return fork_worker(std::move(request));
  }

  bool fork_worker(WorkerRequest request) {
    const pid_t parent = ::getpid();
    const ports::WorkerId worker = request.worker;
    const pid_t pid = ::fork();
    if (pid == 0) worker_main(std::move(request), parent, body_);
    if (pid < 0) return reply({TemplateReply::Kind::kStartFailed, worker, errno}, {});
    // Not reaped yet, so the number is still this child's: the descriptor can never mean another process.
    const Fd pidfd = pidfd_open(pid);
    if (!pidfd.valid()) {
      const int error_number = errno;
      ::kill(pid, SIGKILL);
      return reply({TemplateReply::Kind::kStartFailed, worker, error_number}, {});
    }
    workers_[pid] = worker;
    const int fd = pidfd.get();
    return reply({TemplateReply::Kind::kStarted, worker, pid}, std::span(&fd, 1));
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto worker = workers_.find(pid);
      if (worker == workers_.end()) continue;  // its start was reported as failed
      static_cast<void>(reply({TemplateReply::Kind::kExited, worker->second, status}, {}));
      workers_.erase(worker);
    }
  }

  bool reply(const TemplateReply& message, std::span<const int> fds) {
    Bytes bytes;
    ByteWriter out(bytes);
    encode(message, out);
    return send_packet(socket_, bytes, fds, Blocking::kYes) == SendOutcome::kSent;
  }

  int socket_;
  WorkerBody& body_;
  std::map<pid_t, ports::WorkerId> workers_;
};

void offer_to_oom_killer() {
  // Best effort: in some containers /proc is read-only, and then the kernel chooses by size, which is not bad either.
  const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score.valid()) static_cast<void>(!::write(score.get(), kWorkerOomScore, 3));
}

}  // namespace

int run_template(int socket_fd, WorkerBody& body) {
  ::fcntl(socket_fd, F_SETFD, FD_CLOEXEC);
  offer_to_oom_killer();
  return Template(socket_fd, body).serve();
}

}  // namespace lichen::posix
