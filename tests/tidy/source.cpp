// SPDX-License-Identifier: Apache-2.0
#include "source.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace lichen::tidy {
namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// Blanks comments, strings and characters of C++, keeping every newline where it is.
class Stripper {
 public:
  explicit Stripper(std::string_view text) : text_(text), out_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      if (starts("//")) {
        blank_until(line_end());
      } else if (starts("/*")) {
        blank_until(after("*/", at_ + 2));
      } else if (starts("R\"") && (at_ == 0 || !is_word(text_[at_ - 1]))) {
        blank_raw_string();
      } else if (text_[at_] == '"') {
        blank_quoted('"');
      } else if (text_[at_] == '\'' && !(at_ > 0 && is_word(text_[at_ - 1]) && is_digit_separator())) {
        blank_quoted('\'');
      } else {
        ++at_;
      }
    }
    return out_;
  }

 private:
  [[nodiscard]] bool starts(std::string_view word) const { return text_.substr(at_, word.size()) == word; }

  [[nodiscard]] std::size_t after(std::string_view word, std::size_t from) const {
    const std::size_t found = text_.find(word, from);
    return found == std::string_view::npos ? text_.size() : found + word.size();
  }

  [[nodiscard]] std::size_t line_end() const { return std::min(text_.find('\n', at_), text_.size()); }

  // 1'000: the word before the quote begins with a digit (u'x' does not).
  [[nodiscard]] bool is_digit_separator() const {
    std::size_t begin = at_;
    while (begin > 0 && (is_word(text_[begin - 1]) || text_[begin - 1] == '\'')) --begin;
    return std::isdigit(static_cast<unsigned char>(text_[begin])) != 0;
  }

  void blank_until(std::size_t end) {
    for (; at_ < end; ++at_) {
      if (out_[at_] != '\n') out_[at_] = ' ';
    }
  }

  void blank_quoted(char quote) {
    ++at_;
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') end += text_[end] == '\\' ? 2 : 1;
    blank_until(std::min(end, text_.size()));
    if (at_ < text_.size()) ++at_;
  }

  void blank_raw_string() {
    const std::size_t open = text_.find('(', at_);
    if (open == std::string_view::npos) {
      ++at_;
      return;
    }
    const std::string close = ")" + std::string(text_.substr(at_ + 2, open - at_ - 2)) + "\"";
    blank_until(after(close, open));
  }

  std::string_view text_;
  std::string out_;
  std::size_t at_ = 0;
};

std::vector<Include> includes_of(const Source& source) {
  std::vector<Include> includes;
  for (std::size_t i = 0; i < source.raw.size(); ++i) {
    const std::string& code = source.code[i];
    const std::size_t hash = code.find_first_not_of(" \t");
    if (hash == std::string::npos || code[hash] != '#' || find_word(code, "include", hash) == std::string::npos)
      continue;
    const std::string& line = source.raw[i];
    const std::size_t open = line.find_first_of("<\"", hash);
    if (open == std::string::npos) continue;
    const bool quoted = line[open] == '"';
    const std::size_t close = line.find(quoted ? '"' : '>', open + 1);
    if (close == std::string::npos) continue;
    includes.push_back({i + 1, line.substr(open + 1, close - open - 1), quoted});
  }
  return includes;
}

bool is_text_that_people_write(const std::filesystem::path& path) {
  static constexpr std::array kEndings = {".cpp", ".hpp", ".h",   ".cc", ".c",    ".cmake", ".txt", ".md",
                                          ".py",  ".sh",  ".fbs", ".in", ".toml", ".yaml",  ".yml", ".service"};
  const std::string ending = path.extension().string();
  if (!ending.empty()) return std::ranges::find(kEndings, ending) != kEndings.end();
  std::ifstream file(path);  // no ending: a script, if it says so
  std::array<char, 2> start{};
  return file.read(start.data(), start.size()) && start[0] == '#' && start[1] == '!';
}

bool is_left_out(const std::filesystem::path& relative) {
  const std::string top = relative.begin()->string();
  if (top == ".git" || top == ".cache" || top == ".github" || top.starts_with("build")) return true;
  return std::ranges::any_of(relative, [](const std::filesystem::path& part) {
    return part == "results" || part == "corpus" || part == "node_modules" || part == "__pycache__" || part == ".venv";
  });
}

}  // namespace

bool Source::is_header() const {
  return path.ends_with(".hpp") || path.ends_with(".h");
}

bool Source::is_cpp() const {
  return is_header() || path.ends_with(".cpp") || path.ends_with(".cc") || path.ends_with(".c");
}

std::string_view Source::room() const {
  if (!in_folder("src")) return {};
  const std::size_t end = path.find('/', 4);
  return end == std::string::npos ? std::string_view{} : std::string_view(path).substr(4, end - 4);
}

bool Source::in_folder(std::string_view folder) const {
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

Source make_source(std::string path, std::string_view text) {
  Source source;
  source.path = std::move(path);
  source.raw = lines_of(text);
  source.code = source.is_cpp() ? lines_of(Stripper(text).run()) : source.raw;
  if (source.is_cpp()) source.includes = includes_of(source);
  return source;
}

std::vector<Source> read_tree(const std::string& root) {
  namespace fs = std::filesystem;
  std::vector<Source> sources;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
    const fs::path relative = fs::relative(it->path(), root);
    if (is_left_out(relative)) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file() || it->is_symlink() || !is_text_that_people_write(it->path())) continue;
    std::ifstream file(it->path(), std::ios::binary);
    sources.push_back(make_source(relative.generic_string(), std::string(std::istreambuf_iterator<char>(file), {})));
  }
  std::ranges::sort(sources, {}, &Source::path);
  return sources;
}

Floors floors_of(const std::vector<Source>& sources) {
  Floors floors;
  for (const Source& source : sources) {
    if (!source.in_folder("src") || !source.path.ends_with("/CMakeLists.txt")) continue;
    std::string text;
    for (const std::string& line : source.raw) text += line.substr(0, line.find('#')) + ' ';
    for (std::size_t at = text.find("lichen_room("); at != std::string::npos; at = text.find("lichen_room(", at + 1)) {
      const std::string call = text.substr(at, text.find(')', at) - at);
      const std::size_t name = call.find("NAME ");
      const std::size_t floor = call.find("FLOOR ");
      if (name == std::string::npos || floor == std::string::npos) continue;
      const std::size_t end = call.find_first_of(" \t", name + 5);
      floors[call.substr(name + 5, end - name - 5)] = std::atoi(call.c_str() + floor + 6);
    }
  }
  return floors;
}

std::size_t find_word(std::string_view text, std::string_view word, std::size_t from) {
  for (std::size_t at = text.find(word, from); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    const bool open = at == 0 || !(is_word(word.front()) || word.front() == ':') || !is_word(text[at - 1]);
    const bool closed = end == text.size() || !is_word(word.back()) || !is_word(text[end]);
    if (open && closed) return at;
  }
  return std::string_view::npos;
}

}  // namespace lichen::tidy
