// SPDX-License-Identifier: Apache-2.0
#include "device/config_keys.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include <fmt/format.h>

#include "device/config.hpp"

namespace lichen::device {
namespace {

constexpr std::array kKeys = {
    ConfigKey{"server", "listen", R"(["127.0.0.1:8080"])",
              "addresses of the REST door; \"unix:PATH\" for a Unix socket; port 0 picks one and prints it; ignored "
              "when sockets are handed over (systemd, lichen-holder)"},
    ConfigKey{"server", "deadline_default_ms", "1000", "for requests that name no deadline"},
    ConfigKey{"server", "deadline_max_ms", "60000", "longer deadlines mean this one"},
    ConfigKey{"server", "connections_max", "256", "further clients hear 503 at once"},
    ConfigKey{"server", "client_connections_max", "0",
              "of one client (an address, or a user behind a Unix socket), who hears 429; 0: three quarters of all"},
    ConfigKey{"server", "client_requests_max", "48", "of one client, open at a time; more are refused with 429"},
    ConfigKey{"server", "unix_mode", R"("0660")", "of Unix sockets: who may connect, as for chmod"},
    ConfigKey{"server", "model_control", "false", "clients may load and unload models (the model repository extension)"},
    ConfigKey{"server", "shared_memory", "false",
              "clients may have tensors read from and written to POSIX shared memory; over a Unix socket only to their "
              "own; over TCP to any that lichend may open"},
    ConfigKey{"state", "directory", R"("state")", "where the device remembers its restarts; relative to this file"},
    ConfigKey{"worker", "program", R"("")", "path of lichen-worker; empty: beside lichend"},
    ConfigKey{"worker", "sandbox", R"("required")",
              "\"required\", or \"off\" for development on kernels without seccomp"},
    ConfigKey{"worker", "memory_mb", "512", "private memory of one worker; more kills it"},
    ConfigKey{"worker", "spin_us", "50",
              "how long two busy sides may spin for each other instead of sleeping; 0: never"},
    ConfigKey{"worker", "scrub_period_ms", "10000",
              "in which each worker sums all its weights again, to find flipped bits; 0: never"},
    ConfigKey{"model", "name", R"("digits")", "as in the URL: letters, digits, '.', '_', '-'"},
    ConfigKey{"model", "version", R"("1")", "shown in answers"},
    ConfigKey{
        "model", "kind", R"("plain")",
        "\"probabilities\": the first output is a row of class probabilities, and answers carry lichen_confidence"},
    ConfigKey{"model", "labels", "[]", "names of the classes"},
    ConfigKey{"model", "canary", R"("canary.raw")",
              "bytes of one request's inputs, asked by the device itself; default: zeros; better: a typical input"},
    ConfigKey{"model", "tolerance", "0.05",
              "two rungs agree if no number differs by more than this share of the largest (plain outputs)"},
    ConfigKey{"model.input", "name", R"("image")", "one [[model.input]] for each input of the contract"},
    ConfigKey{"model.input", "dtype", R"("FP32")", "FP32, FP16, INT8, UINT8, INT16, INT32, INT64 or BOOL"},
    ConfigKey{"model.input", "shape", "[1, 8, 8, 1]", "exact, outermost first"},
    ConfigKey{"model.output", "name", R"("probabilities")", "one [[model.output]] for each output of the contract"},
    ConfigKey{"model.output", "dtype", R"("FP32")", "as for inputs; rungs with other types are adapted"},
    ConfigKey{"model.output", "shape", "[1, 10]", "exact, outermost first"},
    ConfigKey{"model.output", "min", "0.0", "a smaller number cannot be right: the answer is not given"},
    ConfigKey{"model.output", "max", "1.0", "the same for a larger one"},
    ConfigKey{"model.output", "finite", "true", "NaN and infinities cannot be right, and are not given"},
    ConfigKey{"model.rung", "name", R"("primary")", "one [[model.rung]] a rung, best first"},
    ConfigKey{"model.rung", "file", R"("digits_f32.tflite")",
              "a model, run in a worker process; relative to this file"},
    ConfigKey{"model.rung", "reflex", R"("digits.reflex")",
              "instead of file: a reflex table, evaluated in lichend; only in the last rung"},
    ConfigKey{"model.rung", "threads", "1", "of the worker"},
    ConfigKey{"model.rung", "memory_mb", "512", "instead of [worker] memory_mb"},
    ConfigKey{"model.rung", "cpu", "0", "run the worker on this CPU only; default: any"},
    ConfigKey{"model.rung", "expected_ms", "5", "first guess of its latency; learned from then on"},
    ConfigKey{"model.rung", "hang_timeout_ms", "2000",
              "a request that takes longer means that the worker hangs, and it is killed"},
    ConfigKey{"model.rung", "start_timeout_ms", "20000", "a worker that is not ready by then is killed"},
    ConfigKey{"model.rung", "calibration", "[[0.5, 0.42], [0.9, 0.81]]",
              "pairs [confidence, accuracy]: how often it is right when it is so sure; default: confidences as they are"},
    ConfigKey{"model.ladder", "strategy", R"("best")",
              "\"best\": the best rung in time; \"vote\": several answer, the majority counts; \"cascade\": the "
              "cheapest first, better ones while it is unsure"},
    ConfigKey{"model.ladder", "vote_rungs", "3", "so many rungs vote; more than half of them must agree"},
    ConfigKey{"model.ladder", "cascade_confidence", "0.9", "an answer at least this sure is given at once"},
    ConfigKey{"model.ladder", "check_period_ms", "60000",
              "a worker must answer its canary as ever at least this often; 0: answers are not compared"},
    ConfigKey{"model.ladder", "open_requests_max", "64", "waiting and running together; more are refused at once"},
    ConfigKey{"model.ladder", "reserve_ms", "2", "kept before each deadline for the last resort"},
    ConfigKey{"model.ladder", "health_period_ms", "30000", "ready means: something was answered within it"},
    ConfigKey{"model.ladder", "step_up_dwell_ms", "1000", "a rung that failed serves again only after this"},
    ConfigKey{"model.ladder", "workers_loaded_max", "2", "the rung that answers and its warm spares"},
    ConfigKey{"model.ladder", "hedge_budget_ppm", "50000", "hedges per million requests"},
    ConfigKey{"model.ladder", "hedge_delay_min_ms", "1", "a request younger than this is not hedged"},
    ConfigKey{"model.ladder", "breaker_failures_max", "3", "failures within the window that open the breaker"},
    ConfigKey{"model.ladder", "breaker_window_ms", "60000", ""},
    ConfigKey{"model.ladder", "breaker_open_ms", "10000", "how long it stays open, doubled each time in a row"},
    ConfigKey{"model.ladder", "breaker_open_max_ms", "300000", ""},
    ConfigKey{"model.ladder", "backoff_ms", "20",
              "before a restart: a random time below this, doubled with every failure in a row"},
    ConfigKey{"model.ladder", "backoff_max_ms", "10000", ""},
};

// Sections within a section, which are names there too.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kSubsections = {{{"", "server"},
                                                                                        {"", "state"},
                                                                                        {"", "worker"},
                                                                                        {"", "model"},
                                                                                        {"model", "input"},
                                                                                        {"model", "output"},
                                                                                        {"model", "rung"},
                                                                                        {"model", "ladder"}}};

constexpr std::size_t kFarEdits = 4;  // names further apart than this are not a slip of the keyboard

std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

bool is_list(std::string_view section) {
  return section == "model" || section == "model.input" || section == "model.output" || section == "model.rung";
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  return kKeys;
}

bool is_config_key(std::string_view section, std::string_view name) {
  const bool key =
      std::ranges::any_of(kKeys, [&](const ConfigKey& k) { return k.section == section && k.name == name; });
  return key ||
         std::ranges::any_of(kSubsections, [&](const auto& s) { return s.first == section && s.second == name; });
}

std::string nearest_config_key(std::string_view section, std::string_view name) {
  std::string_view best;
  std::size_t best_edits = kFarEdits + 1;
  const auto consider = [&](std::string_view known) {
    const std::size_t edits = edits_between(name, known);
    if (edits < best_edits) {
      best = known;
      best_edits = edits;
    }
  };
  for (const ConfigKey& key : kKeys) {
    if (key.section == section) consider(key.name);
  }
  for (const auto& [outer, inner] : kSubsections) {
    if (outer == section) consider(inner);
  }
  return std::string(best);
}

std::string explain_config() {
  std::string text = "# device.toml: every key, with its default (or an example where it must be given)\n";
  std::string_view section;
  for (const ConfigKey& key : kKeys) {
    if (key.section != section) {
      section = key.section;
      text += is_list(section) ? fmt::format("\n[[{}]]\n", section) : fmt::format("\n[{}]\n", section);
    }
    text += fmt::format("{} = {}{}{}\n", key.name, key.shown, key.help.empty() ? "" : "  # ", key.help);
  }
  return text;
}

}  // namespace lichen::device
