// SPDX-License-Identifier: Apache-2.0
#include "posix/sandbox.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <initializer_list>
#include <memory>

#include <fmt/format.h>
#include <grp.h>
#include <seccomp.h>

#include "posix/os.hpp"

namespace lichen::posix {

namespace {

constexpr const char* kHint = "set sandbox = \"off\" for development only";

// Calls that need no look at their arguments. Names that an architecture does not have are skipped by the library.
constexpr auto kAlwaysAllowed = std::to_array<const char*>({
    "futex",
    "futex_time64",
    "munmap",
    "mremap",
    "brk",
    "madvise",
    "read",
    "pread64",
    "fstat",
    "fstat64",
    "newfstatat",
    "statx",
    "lseek",
    "_llseek",
    "close",
    "clock_gettime",
    "clock_gettime64",
    "nanosleep",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "exit",
    "exit_group",
    "rt_sigreturn",
    "sigreturn",
    "rt_sigprocmask",
    "rt_sigaction",
    "sigaltstack",
    "sched_yield",
    "getcpu",  // XNNPACK asks which kind of core it runs on
    "sched_getaffinity",
    "getrandom",
    "restart_syscall",
    "set_robust_list",
    "rseq",
    "getpid",
    "gettid",
    "membarrier",
});

using Arguments = std::initializer_list<scmp_arg_cmp>;

// Collects rules; remembers the first failure.
class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_KILL_PROCESS), &::seccomp_release) {
    if (!context_) error_ = -ENOMEM;
    // A call through another architecture's table (32-bit calls on a 64-bit kernel) is an attack too.
    if (context_) keep(::seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS));
  }

  void add(std::uint32_t action, const char* name, Arguments arguments = {}) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR || error_ != 0) return;
    keep(::seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(arguments.size()),
                                  arguments.begin()));
  }
  void allow(const char* name, Arguments arguments = {}) { add(SCMP_ACT_ALLOW, name, arguments); }

  Result<void> load() {
    if (error_ == 0) keep(::seccomp_load(context_.get()));
    if (error_ == 0) return {};
    return fail(Code::kUnsupported, "cannot enter the sandbox", "system call filter",
                fail_errno(-error_, {}).error().why, kHint);
  }

 private:
  void keep(int result) {
    if (error_ == 0 && result < 0) error_ = result;
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  int error_ = 0;
};

void add_rules(Filter& filter, const SandboxPolicy& policy) {
  for (const char* name : kAlwaysAllowed) filter.allow(name);
  // Memory: private (shared anonymous memory would escape RLIMIT_DATA) and never executable.
  const scmp_arg_cmp not_executable{2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0};
  const scmp_arg_cmp not_shared{3, SCMP_CMP_MASKED_EQ, MAP_SHARED, 0};
  for (const char* name : {"mmap", "mmap2"}) filter.allow(name, {not_executable, not_shared});
  filter.allow("mprotect", {not_executable});
  // Writing: the event counter. A library that grumbles to stderr gets an error, not death.
  const auto event_fd = static_cast<scmp_datum_t>(policy.event_fd);
  filter.allow("write", {{0, SCMP_CMP_EQ, event_fd, 0}});
  filter.add(SCMP_ACT_ERRNO(EBADF), "write", {{0, SCMP_CMP_NE, event_fd, 0}});
  filter.add(SCMP_ACT_ERRNO(EBADF), "writev");
  // abort() signals itself; nobody else may be signalled.
  filter.allow("tgkill", {{0, SCMP_CMP_EQ, static_cast<scmp_datum_t>(::getpid()), 0}});
  if (policy.threads > 1) {
    // Threads, not processes. clone3 hides its flags from filters: the C library falls back to clone.
    filter.allow("clone", {{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}});
    filter.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  }
}

void close_others(const SandboxPolicy& policy) {
  const unsigned first_closed = policy.mode == SandboxMode::kOff ? STDERR_FILENO + 1U : 0U;
  std::array<int, 2> kept = {policy.event_fd, policy.model_fd};
  std::ranges::sort(kept);
  unsigned from = first_closed;
  for (const int fd : kept) {
    if (fd < static_cast<int>(from)) continue;
    if (static_cast<unsigned>(fd) > from) posix::close_range(from, static_cast<unsigned>(fd) - 1);
    from = static_cast<unsigned>(fd) + 1;
  }
  posix::close_range(from, ~0U);
}

Result<void> drop_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) return fail_errno(errno, "cannot enter the sandbox", "capset");
  return {};
}

Result<void> drop_privileges(const SandboxPolicy& policy) {
  if (policy.drop_user && ::geteuid() == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kSandboxUser, kSandboxUser, kSandboxUser) != 0 ||
        ::setresuid(kSandboxUser, kSandboxUser, kSandboxUser) != 0) {
      return fail(Code::kUnsupported, "cannot enter the sandbox", fmt::format("user id {}", kSandboxUser),
                  fail_errno(errno, {}).error().why, "start the agent as an ordinary user");
    }
  }
  return drop_capabilities();
}

// After the change of user, which clears the parent-death signal.
Result<void> tie_to_parent(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    return fail_errno(errno, "cannot enter the sandbox", "parent death signal");
  if (::getppid() != parent) return fail(Code::kUnavailable, "cannot enter the sandbox", {}, "the parent is gone");
  return {};
}

Result<void> limit(__rlimit_resource resource, rlim_t value, const char* name) {
  const rlimit both{value, value};
  if (::setrlimit(resource, &both) != 0) return fail_errno(errno, "cannot enter the sandbox", name);
  return {};
}

Result<void> set_limits(const SandboxPolicy& policy) {
  if (policy.memory_bytes_max > 0) LICHEN_TRY(limit(RLIMIT_DATA, policy.memory_bytes_max, "memory limit"));
  rlimit stack{};
  ::getrlimit(RLIMIT_STACK, &stack);
  LICHEN_TRY(limit(RLIMIT_STACK, std::min<rlim_t>(stack.rlim_max, kSandboxStackBytesMax), "stack limit"));
  LICHEN_TRY(limit(RLIMIT_CORE, 0, "core limit"));
  LICHEN_TRY(limit(RLIMIT_FSIZE, 0, "file size limit"));
  LICHEN_TRY(limit(RLIMIT_MEMLOCK, 0, "locked memory limit"));
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  return limit(RLIMIT_NOFILE, std::min<rlim_t>(files.rlim_max, kSandboxFilesMax), "descriptor limit");
}

}  // namespace

Result<void> sandbox_available() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return fail(Code::kUnsupported, "cannot enter the sandbox", {}, "this build has sanitizers, which need more", kHint);
#else
  const std::uint32_t action = SECCOMP_RET_KILL_PROCESS;
  if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0) return {};
  return fail(Code::kUnsupported, "cannot enter the sandbox", "system call filter", fail_errno(errno, {}).error().why,
              kHint);
#endif
}

Result<void> enter_sandbox(const SandboxPolicy& policy) {
  close_others(policy);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno(errno, "cannot enter the sandbox", "no new privileges");
  if (policy.mode == SandboxMode::kOff) return tie_to_parent(policy.parent);
  LICHEN_TRY(sandbox_available());
  LICHEN_TRY(drop_privileges(policy));
  LICHEN_TRY(tie_to_parent(policy.parent));
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return fail_errno(errno, "cannot enter the sandbox", "not dumpable");
  Filter filter;
  add_rules(filter, policy);
  LICHEN_TRY(set_limits(policy));
  return filter.load();
}

}  // namespace lichen::posix
