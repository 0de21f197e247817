// SPDX-License-Identifier: Apache-2.0
#include "clients.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stop_token>

#include "ladder_client.hpp"
#include "posix/clock.hpp"

namespace lichen::demo {
namespace {

constexpr int kClientNice = -10;                      // as the agent's
constexpr TimeNs kRetryPauseNs = 2 * kMillisecondNs;  // between attempts on connections that break at once

TimeNs now_ns() {
  return posix::MonotonicClock().now_ns();
}

void sleep_ns(TimeNs span_ns) {
  if (span_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(span_ns));
}

// Clients stand for other machines, so starving this one should not slow their clocks. Without the permission they are
// as all others, and kClientWakeNs allows for that.
void measure_undisturbed() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kClientNice);
}

class Client {
 public:
  Client(const LoadOptions& options, std::size_t index, const learn::LabelledData& images, Scoreboard& scoreboard)
      : options_(options),
        encoding_(index % 2 == 0 ? Encoding::kJson : Encoding::kBinary),
        index_(index),
        images_(images),
        scoreboard_(scoreboard),
        http_(options.port) {}

  void run(const std::stop_token& stop) {
    std::size_t image = index_;
    TimeNs next_ns =
        now_ns() + options_.interval_ns * static_cast<TimeNs>(index_) / static_cast<TimeNs>(options_.clients);
    while (!stop.stop_requested()) {
      sleep_ns(next_ns - now_ns());
      next_ns = std::max(next_ns + options_.interval_ns, now_ns());  // time that was lost is not made up by a burst
      scoreboard_.add(ask(image % images_.rows()));
      image += options_.clients;
    }
  }

 private:
  Record ask(std::size_t image) {
    const HttpRequest request = infer_request(images_.row(image), encoding_, options_.deadline_ns);
    Record record;
    record.sent_ns = now_ns();
    while (true) {
      const TimeNs left_ns = record.sent_ns + options_.patience_ns - now_ns();
      const auto response = left_ns > 0 ? http_.exchange(request, left_ns)
                                        : Result<HttpResponse>(fail(Code::kDeadlineExceeded, "no answer"));
      if (response) {
        record.done_ns = now_ns();
        judge(*response, images_.labels[image], record);
        return record;
      }
      if (response.error().code == Code::kDeadlineExceeded) {
        record.done_ns = now_ns();
        record.reason = response.error().to_line();
        return record;
      }
      ++record.retries;
      sleep_ns(kRetryPauseNs);
    }
  }

  void judge(const HttpResponse& response, std::uint32_t label, Record& record) const {
    const auto reply = read_reply(response);
    if (!reply) {
      record.reason = reply.error().to_line();
      return;
    }
    record.reason = reply->reason;
    record.outcome = reply->answered ? Outcome::kAnswered : Outcome::kRefused;
    if (!reply->answered) return;
    const auto rung = std::ranges::find(kRungNames, reply->rung);
    record.rung = std::min(kRungs - 1, static_cast<std::size_t>(rung - kRungNames.begin()));
    record.correct = reply->digit == label;
    const bool client_saw_late = record.retries == 0 && record.latency_ns() > options_.deadline_ns + kClientWakeNs;
    record.late = client_saw_late || reply->agent_latency_ns > options_.deadline_ns;
  }

  const LoadOptions options_;
  const Encoding encoding_;
  const std::size_t index_;
  const learn::LabelledData& images_;
  Scoreboard& scoreboard_;
  HttpClient http_;
};

}  // namespace

Clients::Clients(const LoadOptions& options, const learn::LabelledData& images, Scoreboard& scoreboard) {
  for (std::size_t i = 0; i < options.clients; ++i) {
    threads_.emplace_back([&images, &scoreboard, options, i](const std::stop_token& stop) {
      measure_undisturbed();
      Client(options, i, images, scoreboard).run(stop);
    });
  }
}

Clients::~Clients() = default;

void Clients::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
  threads_.clear();
}

}  // namespace lichen::demo
