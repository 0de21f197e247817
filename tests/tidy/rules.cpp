// SPDX-License-Identifier: Apache-2.0
#include "rules.hpp"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <initializer_list>
#include <ranges>

#include "base/assert.hpp"

namespace lichen::tidy {
namespace {

using Findings = std::vector<Finding>;
using Words = std::initializer_list<std::string_view>;

template <typename Range>
bool contains(const Range& range, std::string_view value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

// Beside the house: these may touch the world as they like.
bool is_outside(const Source& source) {
  return !source.in_folder("src");
}

bool is_doer(const Source& source) {
  return source.room() == "posix" || source.room() == "apps";
}

// Every use of one of `words` in the code and of one of `headers` as an include.
Findings uses_of(const Source& source, std::string_view rule, Words words, Words headers, const std::string& why) {
  Findings found;
  if (!source.is_cpp()) return found;
  for (std::size_t i = 0; i < source.code.size(); ++i) {
    for (const std::string_view word : words) {
      if (find_word(source.code[i], word) == std::string::npos) continue;
      found.push_back({source.path, i + 1, std::string(rule), std::string(word) + ": " + why});
    }
  }
  for (const Include& include : source.includes) {
    const bool banned = std::ranges::any_of(headers, [&](std::string_view header) {
      return header.ends_with('/') ? include.name.starts_with(header) : include.name == header;
    });
    if (banned) found.push_back({source.path, include.line, std::string(rule), "<" + include.name + ">: " + why});
  }
  return found;
}

Findings no_clock(const Source& source, const House&) {
  if (is_outside(source) || is_doer(source)) return {};
  return uses_of(
      source, "no-clock",
      {"system_clock::now", "steady_clock::now", "high_resolution_clock::now", "clock_gettime", "gettimeofday",
       "std::time", "::time(", "timerfd_create", "nanosleep", "sleep_for", "sleep_until"},
      {"ctime", "time.h", "sys/time.h", "sys/timerfd.h"},
      "only posix/, apps/ and tests touch a system clock; take the time as an argument or from the Clock port");
}

Findings no_sockets(const Source& source, const House&) {
  if (is_outside(source) || is_doer(source)) return {};
  return uses_of(source, "no-sockets", {"::socket(", "::connect(", "::accept4(", "::accept(", "::bind(", "::listen("},
                 {"sys/socket.h", "sys/un.h", "netinet/", "arpa/", "netdb.h", "boost/asio.hpp", "boost/beast.hpp",
                  "boost/asio/", "boost/beast/"},
                 "only posix/, apps/ and tests touch a socket");
}

Findings no_files(const Source& source, const House&) {
  if (is_outside(source) || is_doer(source)) return {};
  return uses_of(
      source, "no-files",
      {"fopen", "ifstream", "ofstream", "fstream", "std::filesystem", "::open(", "::openat(", "::rename(", "::unlink(",
       "mmap", "getenv"},
      {"fstream", "filesystem", "fcntl.h", "sys/stat.h", "sys/mman.h", "dirent.h", "unistd.h"},
      "only posix/, apps/ and tests touch a file; take bytes as an argument, or go through the Storage port");
}

Findings no_random_devices(const Source& source, const House&) {
  if (is_outside(source) || is_doer(source)) return {};
  return uses_of(source, "no-random-devices",
                 {"random_device", "getrandom", "getentropy", "rand(", "srand(", "arc4random"}, {"sys/random.h"},
                 "only posix/, apps/ and tests touch a random device; take numbers from the Random port");
}

Findings no_threads(const Source& source, const House&) {
  if (is_outside(source) || contains(kThreadRooms, source.room())) return {};
  return uses_of(source, "no-threads",
                 {"std::thread", "std::jthread", "std::async", "pthread_create", "std::this_thread"},
                 {"thread", "pthread.h", "future"}, "only calculators and posix/ own threads");
}

Findings no_processes(const Source& source, const House&) {
  if (is_outside(source) || is_doer(source)) return {};
  return uses_of(
      source, "no-processes",
      {"::fork(", "vfork", "clone3", "posix_spawn", "::execv(", "::execve(", "popen", "std::system", "::kill("},
      {"spawn.h", "sys/wait.h", "signal.h", "csignal"},
      "only posix/, apps/ and tests start, stop or signal processes; go through the Workers port");
}

Findings doers_stay_outside(const Source& source, const House&) {
  if (is_outside(source)) return {};
  const std::string_view room = source.room();
  if (room == "sim" || room == "apps" || room == "api") return {};
  Findings found;
  for (const Include& include : source.includes) {
    for (const std::string_view doer : {"posix", "fakes"}) {
      if (room == doer || !include.quoted || !include.name.starts_with(std::string(doer) + "/")) continue;
      found.push_back({source.path, include.line, "doers-stay-outside",
                       "\"" + include.name + "\": only sim/, api/, apps/ and tests include posix/ or fakes/; use the port"});
    }
  }
  return found;
}

Findings deciders_are_exact(const Source& source, const House&) {
  if (!contains(kDeciderRooms, source.room())) return {};
  return uses_of(
      source, "deciders-are-exact",
      {"float", "double", "unordered_map", "unordered_set", "unordered_multimap", "unordered_multiset", "std::hash"},
      {"cmath", "math.h", "random", "unordered_map", "unordered_set", "chrono"},
      "a decider does the same on every machine: integers with units, ordered containers, no libm, no <random>");
}

Findings rooms_use_lower_floors(const Source& source, const House& house) {
  Findings found;
  const auto own = house.floors.find(source.room());
  if (own == house.floors.end()) return found;
  for (const Include& include : source.includes) {
    if (!include.quoted) continue;
    const std::string room = include.name.substr(0, include.name.find('/'));
    if (room == own->first) continue;
    const auto used = house.floors.find(room);
    std::string why;
    if (include.name.find('/') == std::string::npos || used == house.floors.end()) {
      why = "include it as \"room/file.hpp\"; there is no room " + room;
    } else if (used->second >= own->second) {
      why = own->first + " is on floor " + std::to_string(own->second) + " and " + room + " on floor " +
            std::to_string(used->second) + "; a room uses lower floors only";
    }
    if (!why.empty())
      found.push_back({source.path, include.line, "rooms-use-lower-floors", "\"" + include.name + "\": " + why});
  }
  return found;
}

Findings licence_comes_first(const Source& source, const House&) {
  if (source.path.ends_with(".md") || source.path.ends_with(".txt")) {
    if (!source.path.ends_with("CMakeLists.txt")) return {};
  }
  const bool script = !source.raw.empty() && source.raw[0].starts_with("#!");
  for (std::size_t i = 0; i < std::min<std::size_t>(source.raw.size(), script ? 3 : 2); ++i) {
    if (source.raw[i].find("SPDX-License-Identifier: Apache-2.0") != std::string::npos) return {};
  }
  return {{source.path, 1, "licence-comes-first",
           "begin the file with 'SPDX-License-Identifier: Apache-2.0' in a comment"}};
}

Findings headers_use_no_namespace(const Source& source, const House&) {
  if (!source.is_header()) return {};
  return uses_of(source, "headers-use-no-namespace", {"using namespace"}, {},
                 "it would leak into everything that includes this");
}

Findings headers_have_pragma_once(const Source& source, const House&) {
  if (!source.is_header()) return {};
  if (std::ranges::any_of(source.code, [](const std::string& line) { return line.starts_with("#pragma once"); }))
    return {};
  return {{source.path, 1, "headers-have-pragma-once", "add '#pragma once'"}};
}

Findings nothing_is_left_for_later(const Source& source, const House&) {
  Findings found;
  for (std::size_t i = 0; i < source.raw.size(); ++i) {
    for (const std::string_view word : {"TO"
                                        "DO",
                                        "FIX"
                                        "ME",
                                        "XX"
                                        "X",
                                        "HA"
                                        "CK"}) {
      if (find_word(source.raw[i], word) == std::string::npos) continue;
      found.push_back({source.path, i + 1, "nothing-is-left-for-later",
                       std::string(word) + ": do it now, or open an issue and leave no note"});
    }
  }
  return found;
}

Findings files_are_short(const Source& source, const House&) {
  if (!source.is_cpp() || source.raw.size() <= kFileLinesMax) return {};
  return {{source.path, kFileLinesMax + 1, "files-are-short",
           std::to_string(source.raw.size()) + " lines, more than " + std::to_string(kFileLinesMax) +
               ": split it by purpose"}};
}

// The shared pointers of a line: "std::shared_ptr<Connection>".
std::vector<std::string> shared_pointers_of(const std::string& line) {
  std::vector<std::string> pointers;
  for (std::size_t at = find_word(line, "std::shared_ptr"); at != std::string::npos;
       at = find_word(line, "std::shared_ptr", at + 1)) {
    std::size_t end = line.find('<', at);
    for (int depth = 0; end < line.size(); ++end) {
      if (line[end] == '<') ++depth;
      if (line[end] == '>' && --depth == 0) break;
    }
    pointers.push_back(line.substr(at, end == std::string::npos ? end : end + 1 - at));
  }
  return pointers;
}

// A comment on the line, or in the block right above it. The licence line explains nothing.
bool has_comment(const Source& source, std::size_t index) {
  if (source.raw[index].find("//") != std::string::npos) return true;
  if (index < 2) return false;
  const std::string& above = source.raw[index - 1];
  const std::size_t start = above.find_first_not_of(" \t");
  return start != std::string::npos && above.compare(start, 2, "//") == 0;
}

std::string shared_key(const Source& source, const std::string& pointer) {
  return source.path.substr(0, source.path.rfind('/')) + " " + pointer;
}

std::set<std::string> explained_sharings_of(const Source& source) {
  std::set<std::string> explained;
  for (std::size_t i = 0; i < source.code.size() && source.is_cpp(); ++i) {
    if (!has_comment(source, i)) continue;
    for (const std::string& pointer : shared_pointers_of(source.code[i])) explained.insert(shared_key(source, pointer));
  }
  return explained;
}

// Said once in a folder is enough: not every function that takes the pointer has to repeat it.
Findings sharing_is_explained(const Source& source, const House& house) {
  Findings found;
  const std::set<std::string> here = explained_sharings_of(source);
  for (std::size_t i = 0; i < source.code.size() && source.is_cpp(); ++i) {
    for (const std::string& pointer : shared_pointers_of(source.code[i])) {
      const std::string key = shared_key(source, pointer);
      if (here.contains(key) || house.shared.contains(key)) continue;
      found.push_back(
          {source.path, i + 1, "sharing-is-explained",
           pointer + ": say once, in a comment on the line or right above, who shares it; or use std::unique_ptr"});
    }
  }
  return found;
}

Findings no_path_of_one_machine(const Source& source, const House&) {
  Findings found;
  for (std::size_t i = 0; i < source.raw.size(); ++i) {
    const std::string& line = source.raw[i];
    for (const std::string_view start : {"/ho"
                                         "me/",
                                         "/ro"
                                         "ot/",
                                         "/wo"
                                         "rk/",
                                         "/Us"
                                         "ers/"}) {
      for (std::size_t at = line.find(start); at != std::string::npos; at = line.find(start, at + 1)) {
        const char before = at == 0 ? ' ' : line[at - 1];
        if (std::isalnum(static_cast<unsigned char>(before)) != 0 || std::string_view("_-.}*)>").contains(before))
          continue;
        found.push_back({source.path, i + 1, "no-path-of-one-machine",
                         std::string(start) + "...: it is not there on other machines"});
      }
    }
  }
  return found;
}

// The lines of a Markdown file without fenced blocks and `code`.
std::vector<std::string> prose_of(const Source& source) {
  std::vector<std::string> prose = source.raw;
  bool fenced = false;
  for (std::string& line : prose) {
    const bool fence = line.starts_with("```");
    if (fence) fenced = !fenced;
    bool code = fenced || fence;
    for (char& c : line) {
      const bool tick = c == '`';
      if (tick && !fenced && !fence) code = !code;
      if (code || tick) c = ' ';
    }
  }
  return prose;
}

Findings links_lead_somewhere(const Source& source, const House& house) {
  Findings found;
  if (!source.path.ends_with(".md")) return found;
  const std::filesystem::path folder = std::filesystem::path(source.path).parent_path();
  const std::vector<std::string> prose = prose_of(source);
  for (std::size_t i = 0; i < prose.size(); ++i) {
    for (std::size_t at = prose[i].find("]("); at != std::string::npos; at = prose[i].find("](", at + 1)) {
      const std::size_t close = prose[i].find(')', at);
      if (close == std::string::npos) break;
      std::string target = source.raw[i].substr(at + 2, close - at - 2);
      target = target.substr(0, target.find('#'));
      if (target.empty() || target.find("://") != std::string::npos || target.starts_with("mailto:")) continue;
      std::string path = (folder / target).lexically_normal().generic_string();
      if (path.ends_with('/')) path.pop_back();
      if (path == "." || house.paths.contains(path)) continue;
      found.push_back({source.path, i + 1, "links-lead-somewhere", target + ": there is no such file"});
    }
  }
  return found;
}

}  // namespace

const std::vector<Rule> kRules = {
    {"no-clock", no_clock},
    {"no-sockets", no_sockets},
    {"no-files", no_files},
    {"no-random-devices", no_random_devices},
    {"no-threads", no_threads},
    {"no-processes", no_processes},
    {"doers-stay-outside", doers_stay_outside},
    {"deciders-are-exact", deciders_are_exact},
    {"rooms-use-lower-floors", rooms_use_lower_floors},
    {"licence-comes-first", licence_comes_first},
    {"headers-use-no-namespace", headers_use_no_namespace},
    {"headers-have-pragma-once", headers_have_pragma_once},
    {"nothing-is-left-for-later", nothing_is_left_for_later},
    {"files-are-short", files_are_short},
    {"sharing-is-explained", sharing_is_explained},
    {"no-path-of-one-machine", no_path_of_one_machine},
    {"links-lead-somewhere", links_lead_somewhere},
};

std::string Finding::to_line() const {
  return path + ":" + std::to_string(line) + ": " + rule + ": " + why;
}

const Rule& rule_named(std::string_view name) {
  const auto rule = std::ranges::find(kRules, name, &Rule::name);
  LICHEN_ASSERT(rule != kRules.end());
  return *rule;
}

Findings findings_of(const Rule& rule, const std::vector<Source>& sources, const House& house) {
  Findings all;
  for (const Source& source : sources) {
    const bool allowed = std::ranges::any_of(kExceptions, [&](const Exception& exception) {
      return exception.rule == rule.name &&
             (exception.path.ends_with('/') ? source.path.starts_with(exception.path) : source.path == exception.path);
    });
    if (!allowed) std::ranges::move(rule.check(source, house), std::back_inserter(all));
  }
  return all;
}

House house_of(const std::vector<Source>& sources) {
  House house{floors_of(sources), {}, {}};
  for (const Source& source : sources) {
    house.shared.merge(explained_sharings_of(source));
    for (std::filesystem::path path = source.path; !path.empty(); path = path.parent_path()) {
      house.paths.insert(path.generic_string());
    }
  }
  return house;
}

}  // namespace lichen::tidy
