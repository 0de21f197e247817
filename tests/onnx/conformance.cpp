// SPDX-License-Identifier: Apache-2.0
// Runs ONNX's backend tests: folders CASE/model.onnx with CASE/test_data_set_K/input_I.pb and output_I.pb. Each case runs
// in a process of its own, so that a crash is one line in the report and not the end of it.
//
//   onnx_conformance [--table FILE [--update]] [--json FILE] [--only TEXT] [--quiet] [--round-trip] FOLDER...
//
// A line a case, then a table by operator. Exit 1: an answer is wrong, a case crashed, or one that passes in the table
// does not pass. 77: no folder is there. --only: cases whose name or operator contains the text.
#include <csignal>
#include <cstdio>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "compare.hpp"
#include "onnx/proto.hpp"

namespace {

using namespace lichen;
namespace fs = std::filesystem;

constexpr unsigned kSecondsMax = 60;  // of one case
constexpr int kSkipped = 77;

struct Case {
  fs::path folder;
  std::string name;
  std::string op;  // or "several operators"
};

struct Outcome {
  std::string status;  // passed, refused, wrong, crashed
  std::string reason;
};

struct Options {
  std::vector<fs::path> folders;
  fs::path table;
  fs::path json;
  std::string only;
  bool update = false;
  bool quiet = false;
  testing::Trip trip = testing::Trip::kRead;
};

// The operator that a model is about: that of all its nodes but Constants.
std::string op_of(const fs::path& model) {
  ::onnx::ModelProto proto;
  std::ifstream file(model, std::ios::binary);
  if (!proto.ParseFromIstream(&file)) return "unreadable";
  std::string op;
  for (const auto& node : proto.graph().node()) {
    if (node.op_type() == "Constant" && proto.graph().node_size() > 1) continue;
    if (!op.empty() && op != node.op_type()) return "several operators";
    op = node.op_type();
  }
  return op.empty() ? "no operator" : op;
}

std::vector<Case> cases_of(const Options& options) {
  std::vector<Case> cases;
  for (const fs::path& folder : options.folders) {
    if (!fs::exists(folder)) continue;
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (!fs::exists(entry.path() / "model.onnx")) continue;
      Case one{entry.path(), entry.path().filename().string(), op_of(entry.path() / "model.onnx")};
      if (one.name.find(options.only) == std::string::npos && one.op.find(options.only) == std::string::npos) continue;
      cases.push_back(std::move(one));
    }
  }
  std::ranges::sort(cases, {}, &Case::name);
  return cases;
}

Outcome run_inside(const Case& one, testing::Trip trip) {
  const testing::CaseResult result = testing::run_case(one.folder, trip);
  return {std::string(testing::name_of(result.verdict)), result.reason};
}

// Runs a case in a child, which answers by a pipe: status, a tab, reason.
Outcome run_apart(const Case& one, testing::Trip trip) {
  int ends[2];
  if (pipe(ends) != 0) return {"crashed", "no pipe"};
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    alarm(kSecondsMax);
    const Outcome outcome = run_inside(one, trip);
    const std::string line = outcome.status + "\t" + outcome.reason.substr(0, 2000);
    if (write(ends[1], line.data(), line.size()) < 0) _exit(1);
    _exit(0);
  }
  close(ends[1]);
  std::string line;
  char buffer[4096];
  for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;) line.append(buffer, static_cast<std::size_t>(got));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const std::size_t tab = line.find('\t');
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && tab != std::string::npos)
    return {line.substr(0, tab), line.substr(tab + 1)};
  return {"crashed", WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status)) : "no answer"};
}

std::map<std::string, std::string> read_table(const fs::path& path) {
  std::map<std::string, std::string> table;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::size_t tab = line.find('\t');
    if (line.starts_with('#') || tab == std::string::npos) continue;
    table[line.substr(0, tab)] = line.substr(tab + 1);
  }
  return table;
}

void write_table(const fs::path& path, const std::map<std::string, std::string>& table) {
  std::ofstream file(path);
  file << "# SPDX-License-Identifier: Apache-2.0\n# What each case gives; onnx_conformance --table THIS --update writes it.\n";
  for (const auto& [name, status] : table) file << name << '\t' << status << '\n';
}

using Counts = std::map<std::string, std::size_t>;

void print_summary(const std::map<std::string, Counts>& by_op, const Counts& total) {
  const auto of = [](const Counts& counts, const char* status) {
    const auto found = counts.find(status);
    return found == counts.end() ? std::size_t{0} : found->second;
  };
  fmt::print("\n{:32} {:>7} {:>7} {:>7} {:>7}\n", "operator", "passed", "refused", "wrong", "crashed");
  for (const auto& [op, counts] : by_op) {
    fmt::print("{:32} {:7} {:7} {:7} {:7}\n", op, of(counts, "passed"), of(counts, "refused"), of(counts, "wrong"),
               of(counts, "crashed"));
  }
  fmt::print("{:32} {:7} {:7} {:7} {:7}\n", "all", of(total, "passed"), of(total, "refused"), of(total, "wrong"),
             of(total, "crashed"));
}

int run_all(const Options& options) {
  const std::vector<Case> cases = cases_of(options);
  if (cases.empty()) {
    fmt::print("SKIPPED: no cases in the folders (set LICHEN_SHARED to the folder that has data/models)\n");
    return kSkipped;
  }
  std::map<std::string, std::string> table = read_table(options.table);
  std::map<std::string, Counts> by_op;
  Counts total;
  nlohmann::json report = nlohmann::json::array();
  bool good = true;
  for (const Case& one : cases) {
    const Outcome outcome = run_apart(one, options.trip);
    const bool worse = table.contains(one.name) && table[one.name] == "passed" && outcome.status != "passed";
    if (!options.quiet || outcome.status == "wrong" || outcome.status == "crashed" || worse) {
      fmt::print("{:8} {} [{}]{}{}\n", outcome.status, one.name, one.op, outcome.reason.empty() ? "" : ": ", outcome.reason);
      if (worse && !options.update) fmt::print("         ^ passed before\n");
    }
    good = good && outcome.status != "wrong" && outcome.status != "crashed" && (!worse || options.update);
    ++by_op[one.op][outcome.status];
    ++total[outcome.status];
    table[one.name] = outcome.status;
    report.push_back({{"case", one.name}, {"op", one.op}, {"status", outcome.status}, {"reason", outcome.reason}});
  }
  print_summary(by_op, total);
  if (options.update && !options.table.empty()) write_table(options.table, table);
  if (!options.json.empty()) {
    nlohmann::json operators = nlohmann::json::array();
    for (const formats::OnnxOperator& op : formats::onnx_operators())
      operators.push_back({{"domain", op.domain}, {"name", op.name}, {"since", op.since}});
    const nlohmann::json whole = {{"schema", "lichen.onnx_conformance.v1"}, {"operators", operators}, {"cases", report}};
    std::ofstream(options.json) << whole.dump(1) << '\n';
  }
  return good ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string_view argument = arguments[i];
    const bool has_value = i + 1 < count;
    if (argument == "--update") options.update = true;
    else if (argument == "--quiet") options.quiet = true;
    else if (argument == "--round-trip") options.trip = testing::Trip::kReadWriteRead;
    else if (argument == "--table" && has_value) options.table = arguments[++i];
    else if (argument == "--json" && has_value) options.json = arguments[++i];
    else if (argument == "--only" && has_value) options.only = arguments[++i];
    else options.folders.emplace_back(argument);
  }
  return run_all(options);
}
