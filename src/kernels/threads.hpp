// SPDX-License-Identifier: Apache-2.0
// A few threads that one session owns and that its kernels share out their outputs to. A parallel region costs about a
// microsecond while the workers are awake: they spin for some ten microseconds after each region and then sleep on a
// futex. The caller takes part. Each thread begins with its own stretch of the parts, the same one in every region, so
// that it finds what it wrote before in its own cache; then it takes over what another has not begun, so more threads
// than idle CPUs cost little. A kernel splits its outputs, never a sum, so its answer does not depend on who did what.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace lichen::kernels {

inline constexpr int kThreadsMax = 16;

// One caller at a time. Allocates when constructed only.
class Threads {
 public:
  using Index = std::ptrdiff_t;

  // `count` of 1 to kThreadsMax includes the caller: count - 1 threads are started.
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  [[nodiscard]] int count() const { return count_; }

  // Calls f(begin, end) for parts that together are [0, count), and returns when all are done. Parts begin at multiples
  // of `grain`, the least that is worth a part of its own (some ten thousand operations). f must not throw.
  template <typename F>
  void parallel_for(Index count, Index grain, const F& f) {
    if (count <= 0) return;
    if (count_ == 1 || count <= grain) {
      f(Index{0}, count);
      return;
    }
    run({[](const void* context, Index begin, Index end) { (*static_cast<const F*>(context))(begin, end); }, &f, count,
         grain, 0});
  }

 private:
  struct Job {
    void (*call)(const void* context, Index begin, Index end) = nullptr;
    const void* context = nullptr;
    Index count = 0;
    Index grain = 1;
    Index step = 0;  // of a part
  };
  struct Shared;  // what workers see

  void run(Job job);
  static bool run_one_part(Shared& shared, int owner);
  static void run_parts(Shared& shared, int self, int count);
  static void work(Shared& shared, int self, int count);

  int count_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace lichen::kernels
