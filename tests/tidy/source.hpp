// SPDX-License-Identifier: Apache-2.0
// A source file as the house rules see it: its lines, the same lines without comments and strings, and its includes.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lichen::tidy {

struct Include {
  std::size_t line = 0;  // 1 is the first
  std::string name;      // "base/error.hpp" or "vector"
  bool quoted = false;
};

struct Source {
  std::string path;               // from the repository root, with '/'
  std::vector<std::string> raw;   // as written
  std::vector<std::string> code;  // comments and the insides of strings and characters blanked out
  std::vector<Include> includes;

  [[nodiscard]] bool is_header() const;
  [[nodiscard]] bool is_cpp() const;  // .cpp, .hpp, .h, .cc, .c
  // "ladder" for src/ladder/..., "" outside src/.
  [[nodiscard]] std::string_view room() const;
  [[nodiscard]] bool in_folder(std::string_view folder) const;  // "tests": tests/...
};

// The text of a file at `path`; makes the fields above.
[[nodiscard]] Source make_source(std::string path, std::string_view text);

// Every text file that people write: not build folders, not data, not results.
[[nodiscard]] std::vector<Source> read_tree(const std::string& root);

// Room -> floor, from the lichen_room(NAME n FLOOR k ...) calls in src/*/CMakeLists.txt.
using Floors = std::map<std::string, int, std::less<>>;
[[nodiscard]] Floors floors_of(const std::vector<Source>& sources);

// The position of `word` in `text` from `from` on, as a whole word: "rand(" is not found in "operand(", and "::open("
// not in "Breaker::open(". npos if there is none.
[[nodiscard]] std::size_t find_word(std::string_view text, std::string_view word, std::size_t from = 0);

}  // namespace lichen::tidy
