// SPDX-License-Identifier: Apache-2.0
// lichen-demo: fits three models to handwritten digits, serves them as one ladder, and breaks things while clients ask.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "clients.hpp"
#include "faults.hpp"
#include "ladder_client.hpp"
#include "ladder_files.hpp"
#include "posix/clock.hpp"
#include "posix/files.hpp"
#include "processes.hpp"
#include "report.hpp"
#include "scoreboard.hpp"
#include "screen.hpp"

namespace {

using namespace lichen;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kSecondsMin = 20;  // less leaves the script no time to show that things come back
constexpr int kSecondsMax = 600;
constexpr TimeNs kReadyPatienceNs = 20 * kSecondNs;
constexpr TimeNs kStatusPatienceNs = 150 * kMillisecondNs;
constexpr TimeNs kFrameNs = 100 * kMillisecondNs;
constexpr TimeNs kAgentRestartNs = 3 * kSecondNs;  // a gap within so long after its death belongs to the restart

std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

struct Arguments {
  std::string data;
  int seconds = 38;
  std::uint64_t seed = 1;
  std::uint16_t port = 0;
  bool keep = false;
};

TimeNs now_ns() {
  return posix::MonotonicClock().now_ns();
}

void sleep_ns(TimeNs span_ns) {
  std::this_thread::sleep_for(std::chrono::nanoseconds(span_ns));
}

void watch_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = true; };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

// Where the digits are, beside a build folder or installed.
Result<std::string> find_data(const std::string& named) {
  if (!named.empty()) return named;
  const std::filesystem::path bin = std::filesystem::path(posix::sibling_program("lichen-demo")).parent_path();
  constexpr const char* kFile = "data/digits/digits.csv.gz";
  std::error_code error;
  for (const auto& path : {bin / "../../.." / kFile, bin / "../share/lichen" / kFile, std::filesystem::path(kFile)}) {
    if (std::filesystem::exists(path, error)) return path.lexically_normal().string();
  }
  return fail(Code::kNotFound, "cannot find the digits", kFile, "not beside the program", "name it with --data");
}

// Made for this run, and removed after it unless it is to be kept.
class WorkFolder {
 public:
  explicit WorkFolder(bool keep) : keep_(keep) {}
  ~WorkFolder() {
    std::error_code error;
    if (!keep_ && !path_.empty()) std::filesystem::remove_all(path_, error);
  }
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  Result<void> make() {
    std::error_code error;
    std::string name = (std::filesystem::temp_directory_path(error) / "lichen-demo-XXXXXX").string();
    if (error || ::mkdtemp(name.data()) == nullptr)
      return fail(Code::kIo, "cannot make a folder", name, "not allowed or no space", "set TMPDIR");
    path_ = name;
    return {};
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  bool keep_;
  std::string path_;
};

Result<void> wait_until_ready(const demo::Agent& agent) {
  demo::HttpClient http(agent.port());
  for (const TimeNs end_ns = now_ns() + kReadyPatienceNs; now_ns() < end_ns && !interrupted; sleep_ns(kFrameNs / 4)) {
    const auto view = demo::fetch_status(http, kReadyPatienceNs);
    if (!view) continue;
    const bool all = std::ranges::all_of(view->rungs, [](const demo::RungView& rung) { return rung.serves; });
    if (all && !view->rungs.empty()) return {};
  }
  return fail(Code::kUnavailable, "the device does not become ready", "lichend",
              interrupted ? "interrupted" : "it takes too long", "run again with --keep and read lichend.log");
}

// Prints each fault when it happens, and what came of it when the next one begins.
class Timeline {
 public:
  Timeline(demo::Screen& screen, const demo::Scoreboard& board, TimeNs start_ns)
      : screen_(screen), board_(board), start_ns_(start_ns) {}

  void update(const std::vector<demo::FaultEvent>& events) {
    for (; told_ < events.size(); ++told_) {
      if (told_ > 0) tell_outcome(events[told_ - 1], events[told_].at_ns);
      const double at_s = static_cast<double>(events[told_].at_ns - start_ns_) / 1e9;
      screen_.say(fmt::format("{:5.1f} s  {}", at_s, events[told_].what), demo::Tone::kTrouble);
    }
  }
  void finish(const std::vector<demo::FaultEvent>& events) {
    update(events);
    if (!events.empty()) tell_outcome(events.back(), kNeverNs);
  }

 private:
  void tell_outcome(const demo::FaultEvent& event, TimeNs to_ns) {
    const std::vector<demo::Record> records = board_.between(event.at_ns, to_ns);
    if (records.empty()) return;
    std::string text = demo::outcome_text(records, event.at_ns, event.hits_agent, board_.accuracy());
    for (std::size_t from = 0; from < text.size();) {
      const std::size_t end = std::min(text.find('\n', from), text.size());
      screen_.say("         " + text.substr(from, end - from), demo::Tone::kDetail);
      from = end + 1;
    }
  }

  demo::Screen& screen_;
  const demo::Scoreboard& board_;
  TimeNs start_ns_;
  std::size_t told_ = 0;
};

class Show {
 public:
  Show(const Arguments& arguments, demo::Screen& screen) : arguments_(arguments), screen_(screen) {}

  Result<int> run(const demo::LadderFiles& files, demo::Agent& agent) {
    const TimeNs span_ns = arguments_.seconds * kSecondNs;
    demo::LoadOptions load;
    load.port = agent.port();
    screen_.say(fmt::format("asking {} times a second, {} clients, {} to answer; for {} s things break:\n",
                            load.clients * static_cast<std::size_t>(kSecondNs / load.interval_ns), load.clients,
                            demo::text_of(load.deadline_ns), arguments_.seconds));
    const TimeNs start_ns = now_ns();
    demo::Scoreboard board;
    demo::Clients clients(load, files.held_out, board);
    demo::Faults faults(agent, start_ns, span_ns);
    Timeline timeline(screen_, board, start_ns);
    watch(agent, board, faults, timeline, start_ns, span_ns);
    faults.stop();
    clients.stop();
    timeline.finish(faults.events());
    return conclude(board, faults.events(), start_ns, load.deadline_ns);
  }

 private:
  void watch(const demo::Agent& agent, const demo::Scoreboard& board, const demo::Faults& faults, Timeline& timeline,
             TimeNs start_ns, TimeNs span_ns) {
    demo::HttpClient http(agent.port());
    while (!interrupted && now_ns() < start_ns + span_ns) {
      timeline.update(faults.events());
      if (screen_.is_terminal()) {
        demo::LiveLine line;
        auto view = demo::fetch_status(http, kStatusPatienceNs);
        if (view) line.device = std::move(*view);
        const TimeNs now = now_ns();
        line.elapsed_ns = now - start_ns;
        line.span_ns = span_ns;
        line.answers_per_s = board.between(now - kSecondNs, now).size();
        line.accuracy = board.accuracy();
        screen_.draw(line);
      }
      sleep_ns(kFrameNs);
    }
  }

  int conclude(const demo::Scoreboard& board, const std::vector<demo::FaultEvent>& events, TimeNs start_ns,
               TimeNs deadline_ns) {
    std::vector<demo::AgentFault> agent_faults;
    for (const demo::FaultEvent& event : events) {
      if (event.hits_agent) agent_faults.push_back({event.at_ns, event.at_ns + kAgentRestartNs});
    }
    const std::vector<demo::Record> records = board.between(0, kNeverNs);
    const demo::Tally tally = demo::tally_of(records);
    screen_.say("\n" + demo::summary_text(records, start_ns, deadline_ns, agent_faults));
    const bool good = tally.answered > 0 && tally.lost == 0 && tally.late == 0;
    if (interrupted)
      screen_.say("interrupted", demo::Tone::kBad);
    else if (good)
      screen_.say("nothing lost, nothing late", demo::Tone::kGood);
    else
      screen_.say(fmt::format("{} lost, {} late", tally.lost, tally.late), demo::Tone::kBad);
    return good && !interrupted ? 0 : kExitFailed;
  }

  const Arguments& arguments_;
  demo::Screen& screen_;
};

Result<int> run(const Arguments& arguments) {
  const std::string data = LICHEN_TRY(find_data(arguments.data));
  WorkFolder folder(arguments.keep);
  LICHEN_TRY(folder.make());
  demo::Screen screen;
  screen.say("Lichen: one question, three models that can answer it, and what happens when they break",
             demo::Tone::kTitle);
  const demo::LadderFiles files = LICHEN_TRY(demo::make_ladder_files(data, folder.path(), arguments.seed));
  screen.say(demo::models_text(files));
  auto agent = LICHEN_TRY(demo::Agent::start(files.config, folder.path(), arguments.port));
  LICHEN_TRY(wait_until_ready(agent));
  if (arguments.keep) screen.say(fmt::format("models, device.toml and logs stay in {}", folder.path()));
  const int code = LICHEN_TRY(Show(arguments, screen).run(files, agent));
  agent.stop();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("lichen-demo: handwritten digits, a ladder of three models, and everything that can break");
  Arguments arguments;
  app.add_option("--data", arguments.data, "digits.csv or digits.csv.gz; default: the one that comes with Lichen");
  app.add_option("--seconds", arguments.seconds, "how long to ask and to break things")
      ->check(CLI::Range(kSecondsMin, kSecondsMax));
  app.add_option("--seed", arguments.seed, "of the split into training and held-out images, and of the random filters");
  app.add_option("--port", arguments.port, "of the REST door on 127.0.0.1; 0 picks one");
  app.add_flag("--keep", arguments.keep, "keep the folder with models, device.toml and logs, and say where it is");
  app.set_version_flag("--version", "lichen-demo " LICHEN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kExitUsage;
  }
  watch_signals();
  lichen::demo::adopt_orphans();
  const auto code = run(arguments);
  lichen::demo::kill_all_children();
  if (code) return *code;
  fmt::print(stderr, "lichen: {}\n", code.error().to_line());
  return lichen::exit_code_of(code.error().code);
}
