// SPDX-License-Identifier: Apache-2.0
#include "posix/worker_runtime.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
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
#include "posix/scrubber.hpp"
#include "posix/unix_socket.hpp"
#include "posix/weight_pool.hpp"
#include "posix/worker_channel.hpp"
#include "posix/worker_model.hpp"

namespace lichen::posix {

WorkerBody::~WorkerBody() = default;

namespace {

// When memory runs out on the device, the kernel takes a worker (which is replaced) before it takes the agent.
constexpr const char* kWorkerOomScore = "500";

// ---- the worker

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

// What a worker has from its start to its end.
struct WorkerLife {
  const WorkerJobSpec& spec;
  WorkerChannel& channel;
  WorkerBody& body;
  WorkerModel model{};
  std::unique_ptr<WeightPool> weights{};
  Scrubber scrubber{};
};

Result<void> enter(WorkerLife& life, pid_t parent, int event_fd) {
  const WorkerJobSpec& spec = life.spec;
  life.model = LICHEN_TRY(WorkerModel::open(spec.model_path, spec.from_flash));
  LICHEN_TRY(pin(spec.cpu));
  if (niceness() < 0) set_niceness(0);  // the agent's head start is for answering in time, not for computing
  SandboxPolicy policy;
  policy.mode = spec.sandbox;
  policy.memory_bytes_max = spec.memory_bytes_max;
  policy.threads = spec.threads;
  policy.drop_user = spec.drop_user;
  policy.parent = parent;
  policy.event_fd = event_fd;
  policy.model_fd = life.model.fd();
  return enter_sandbox(policy);
}

Result<void> read_model(WorkerLife& life) {
  LICHEN_TRY(life.model.read());
  if (life.model.bytes().empty()) return {};
  // Before anything is made of it. The agent keeps it, so that the next start knows the file again.
  const BlockSum sum = sum_of(life.model.bytes());
  life.channel.set_model_sum(sum);
  Result<void> same = check_model_sum(life.spec.model_path, sum, life.spec.model_sum);
  if (!same) life.channel.set_damage();
  return same;
}

Result<void> load_body(WorkerLife& life) {
  life.weights = LICHEN_TRY(WeightPool::create());
  LICHEN_TRY(life.body.load({.spec = life.spec,
                             .model = life.model.bytes(),
                             .weights = *life.weights,
                             .let_go = [&life](ByteView part) { life.model.let_go(part); }}));
  return life.weights->seal();
}

// From here on, what must not change is looked after.
Result<void> watch_constants(WorkerLife& life) {
  const ByteView file = life.model.bytes();
  const std::less<const std::byte*> before;
  life.scrubber.add(life.weights->bytes(), Scrubber::Pages::kReadOnly);
  for (const ByteView constant : life.body.constants()) {
    const bool in_file = !before(constant.data(), file.data()) && before(constant.data(), file.data() + file.size());
    life.scrubber.add(constant, in_file ? Scrubber::Pages::kReadOnly : Scrubber::Pages::kWritable);
  }
  LICHEN_TRY(life.scrubber.arm(life.spec.scrub_period_ns, MonotonicClock().now_ns()));
  life.channel.set_scrub_counters(life.scrubber.counters());
  return {};
}

Result<void> start(WorkerLife& life, pid_t parent, int event_fd) {
  LICHEN_TRY(enter(life, parent, event_fd));
  LICHEN_TRY(read_model(life));
  LICHEN_TRY(load_body(life));
  return watch_constants(life);
}

// A worker whose weights are wrong must not answer again: another one starts from the file.
void scrub(WorkerLife& life, TimeNs now_ns) {
  const Result<void> scrubbed = life.scrubber.work(now_ns);
  life.channel.set_scrub_counters(life.scrubber.counters());
  if (scrubbed) return;
  life.channel.set_damage();
  life.channel.set_failed(scrubbed.error().to_line());
  ::_exit(kExitDamaged);
}

[[noreturn]] void serve_jobs(WorkerLife& life) {
  const MonotonicClock clock;
  WorkerChannel& channel = life.channel;
  while (true) {
    ByteView input;
    while ((input = channel.wait_for_job(life.scrubber.nap_until_ns())).empty()) scrub(life, clock.now_ns());
    const TimeNs began_ns = clock.now_ns();
    const Result<void> done = life.body.run(input, channel.output());
    channel.respond(done ? JobStatus::kOk : JobStatus::kRefused, clock.now_ns() - began_ns);
    // Under load there is no idle moment: what is due is done while the agent takes the answer.
    if (channel.responded_ns() >= life.scrubber.next_ns()) scrub(life, channel.responded_ns());
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
    WorkerLife life{request.spec, channel, body};
    if (Result<void> started = start(life, parent, request.event.get()); !started) {
      channel.set_failed(started.error().to_line());
      ::_exit(kExitStartFailed);
    }
    channel.set_ready();
    serve_jobs(life);
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
