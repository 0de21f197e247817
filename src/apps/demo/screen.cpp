// SPDX-License-Identifier: Apache-2.0
#include "screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace lichen::demo {
namespace {

constexpr std::size_t kBarCells = 16;
constexpr std::size_t kColumnsDefault = 80;

std::string_view colour_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kTitle:
      return "\x1b[1m";
    case Tone::kTrouble:
      return "\x1b[33m";
    case Tone::kDetail:
      return "\x1b[2m";
    case Tone::kGood:
      return "\x1b[1;32m";
    case Tone::kBad:
      return "\x1b[1;31m";
  }
  return "";
}

// Green: answers. Blue: ready to. Yellow: on its way. Red: down. Grey: not wanted now.
std::string_view block_colour(const RungView& rung, bool active) {
  if (active) return "\x1b[30;42m";
  if (rung.serves) return "\x1b[37;44m";
  if (rung.state == "starting" || rung.state == "ready") return "\x1b[30;43m";
  if (rung.state == "unloaded") return "\x1b[37;100m";
  return "\x1b[37;41m";
}

std::string_view word_of(const RungView& rung, bool active) {
  if (active) return "answers";
  if (rung.breaker == "open") return "breaker";
  if (rung.serves) return "spare";
  return rung.state == "ready" ? "proving" : std::string_view(rung.state);
}

std::string blocks_of(const LiveLine& line) {
  if (!line.device) return "\x1b[37;41m agent restarting \x1b[0m ";
  std::string text;
  for (const RungView& rung : line.device->rungs) {
    const bool active = rung.name == line.device->active_rung;
    text += fmt::format("{} {} {:<8}\x1b[0m ", block_colour(rung, active), rung.name, word_of(rung, active));
  }
  return text;
}

std::string bar_of(const LiveLine& line) {
  const double share = line.span_ns == 0 ? 0 : static_cast<double>(line.elapsed_ns) / static_cast<double>(line.span_ns);
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarCells);
  return std::string(full, '#') + std::string(kBarCells - full, '.');
}

std::size_t columns() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumnsDefault;
  return size.ws_col;
}

bool wants_colour() {                               // asked once, before any thread is started
  const char* term = std::getenv("TERM");           // NOLINT(concurrency-mt-unsafe): one thread so far
  const char* no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread so far
  return ::isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb" && no_colour == nullptr;
}

}  // namespace

Screen::Screen() : terminal_(wants_colour()) {
  if (terminal_) fmt::print("\x1b[?25l");  // no cursor: it would jump
}

Screen::~Screen() {
  clear_live();
  if (terminal_) fmt::print("\x1b[?25h");
  std::fflush(stdout);
}

void Screen::clear_live() {
  if (live_) fmt::print("\r\x1b[2K");
  live_ = false;
}

void Screen::say(std::string_view text, Tone tone) {
  clear_live();
  const std::string_view colour = terminal_ ? colour_of(tone) : "";
  fmt::print("{}{}{}\n", colour, text, colour.empty() ? "" : "\x1b[0m");
  std::fflush(stdout);
}

void Screen::draw(const LiveLine& line) {
  if (!terminal_) return;
  clear_live();
  constexpr std::size_t kBlocksColumns = 60;   // three rungs
  constexpr std::size_t kNumbersColumns = 20;  // further: how many a second, how many right
  const std::size_t room = columns();
  std::string text = blocks_of(line);
  if (room > kBlocksColumns + kNumbersColumns)
    text += fmt::format("{:>4}/s {:>5.1f} % ", line.answers_per_s, line.accuracy * 100);
  if (room > kBlocksColumns + kNumbersColumns + kBarCells + 2) text += bar_of(line);
  fmt::print("{}", text);
  std::fflush(stdout);
  live_ = true;
}

}  // namespace lichen::demo
