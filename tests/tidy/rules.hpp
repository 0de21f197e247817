// SPDX-License-Identifier: Apache-2.0
// The house rules as functions: each reads one source and says where it breaks the rule, and why the rule is there.
#pragma once

#include <array>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "source.hpp"

namespace lichen::tidy {

struct Finding {
  std::string path;
  std::size_t line = 0;
  std::string rule;
  std::string why;

  // "src/ladder/ladder.cpp:12: no-clock: ..."
  [[nodiscard]] std::string to_line() const;
};

// What a rule may know beside the source in hand.
struct House {
  Floors floors;                 // room -> floor
  std::set<std::string> paths;   // every file, and every folder that holds one
  std::set<std::string> shared;  // "src/doors std::shared_ptr<Connection>": a comment in this folder says who shares
};

struct Rule {
  std::string_view name;
  std::vector<Finding> (*check)(const Source& source, const House& house);
};

// May break a rule, for a reason. Tests fail on an exception that nothing needs any more.
struct Exception {
  std::string_view rule;
  std::string_view path;  // a file, or a folder that ends in '/'
  std::string_view reason;
};

inline constexpr std::array kExceptions = {
    Exception{"no-sockets", "src/doors/",
              "a door speaks to clients through Boost.Asio and Beast, on the agent's one event loop"},
    Exception{"no-threads", "src/apps/demo/",
              "it plays several clients of a device at once, each of which waits for its own answer"},
    Exception{"no-files", "src/doors/listener.cpp", "a Unix-domain socket is a file, and a stale one must be replaced"},
    Exception{"deciders-are-exact", "src/device/config.cpp",
              "it reads numbers with a point from device.toml; what deciders are given of them are integers"},
};

inline constexpr std::size_t kFileLinesMax = 800;

// Rooms that hold deciders: what they do must be the same on every machine, so no floating point, no order of
// unordered containers, no libm, no <random>.
inline constexpr std::array<std::string_view, 8> kDeciderRooms = {"device", "hub",   "ladder", "spool",
                                                                  "store",  "trial", "update", "federated"};
// Rooms that may own threads: calculators, and the real doers.
inline constexpr std::array<std::string_view, 7> kThreadRooms = {"backends", "engine", "forge", "kernels",
                                                                 "learn",    "posix",  "signal"};

extern const std::vector<Rule> kRules;

[[nodiscard]] const Rule& rule_named(std::string_view name);

// The findings of a rule over many sources, without those that kExceptions allows.
[[nodiscard]] std::vector<Finding> findings_of(const Rule& rule, const std::vector<Source>& sources,
                                               const House& house);

[[nodiscard]] House house_of(const std::vector<Source>& sources);

}  // namespace lichen::tidy
