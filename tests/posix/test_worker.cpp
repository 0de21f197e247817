// SPDX-License-Identifier: Apache-2.0
// A worker that does what its job says, good or bad. The first input tensor's name says what to do at load, the first
// byte of a job what to do then (see behaviours.hpp).
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "behaviours.hpp"
#include "posix/os.hpp"
#include "posix/worker_channel.hpp"
#include "posix/worker_runtime.hpp"

namespace lichen::posix {
namespace {

[[noreturn]] void allocate_for_ever() {
  std::vector<std::unique_ptr<char[]>> all;
  while (true) {
    all.push_back(std::make_unique<char[]>(1 << 20));
    std::memset(all.back().get(), 1, 1 << 20);
  }
}

[[noreturn]] void spin_for_ever() {
  volatile unsigned count = 0;
  while (true) count = count + 1;
}

// Where the job's input lies, the agent's header is not far.
ChannelHeader& header_of(ByteView input) {
  return *reinterpret_cast<ChannelHeader*>(const_cast<std::byte*>(input.data()) - kChannelHeaderBytes);
}

Result<void> misbehave(char what, ByteView input) {
  switch (what) {
    case kAbort:
      std::abort();
    case kThrow:
      throw std::runtime_error("thrown by the body");
    case kLoop:
      spin_for_ever();
    case kBomb:
      allocate_for_ever();
    case kSharedBomb:
      ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
      break;
    case kExecutable:
      ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      break;
    case kOpen:
      ::open("/etc/hostname", O_RDONLY);
      break;
    case kSocket:
      ::socket(AF_INET, SOCK_STREAM, 0);
      break;
    case kFork:
      ::fork();
      break;
    case kExec:
      ::execl("/bin/true", "true", nullptr);
      break;
    case kKillParent:
      ::kill(::getppid(), SIGKILL);
      break;
    case kScribble:
      std::memset(static_cast<void*>(&header_of(input)), 0xA5, kChannelHeaderBytes);
      spin_for_ever();
    case kForgeLife:
      header_of(input).life = 1;
      futex_wake(header_of(input).life, 1);
      spin_for_ever();
    case kForgeAnswer:
      header_of(input).response_seq = 77;
      spin_for_ever();
    case kForgeStatus:
      header_of(input).status = 9;
      ++header_of(input).response_seq;
      spin_for_ever();
    default:
      return fail(Code::kBadInput, "refused");
  }
  return {};
}

// The event descriptor is the one descriptor left that is open for writing.
[[noreturn]] void wake_for_ever() {
  while (true) {
    for (int fd = 0; fd < 64; ++fd) signal_event(fd);
    std::this_thread::yield();
  }
}

class Misbehaver final : public WorkerBody {
 public:
  Result<void> load(const WorkerLoad& with) override {
    const WorkerJobSpec& spec = with.spec;
    const std::string& what = spec.inputs[0].name;
    if (what == kCrashAtLoad) std::abort();
    if (what == kRefuseAtLoad) return fail(Code::kBadInput, "cannot load model", spec.model_path, "bad\x1b[31m bytes");
    if (what == kHangAtLoad) spin_for_ever();
    if (what == kBombAtLoad) allocate_for_ever();
    model_ = with.model;
    return {};
  }

  Result<void> run(ByteView input, std::span<std::byte> output) override {
    const char what = static_cast<char>(input[0]);
    if (what == kWakeForEver) wake_for_ever();
    if (what == kReadModel) {
      std::copy_n(model_.begin(), std::min(model_.size(), output.size()), output.begin());
      return {};
    }
    if (what == kThread) {
      std::thread([&] { output[0] = std::byte{'T'}; }).join();
      return {};
    }
    if (what != kEcho) return misbehave(what, input);
    std::copy_n(input.begin(), std::min(input.size(), output.size()), output.begin());
    return {};
  }

 private:
  ByteView model_;
};

}  // namespace
}  // namespace lichen::posix

int main(int argc, char** argv) {
  if (argc >= 3 && std::string(argv[argc - 2]) == "--template") {
    lichen::posix::Misbehaver body;
    return lichen::posix::run_template(std::atoi(argv[argc - 1]), body);
  }
  return 2;
}
