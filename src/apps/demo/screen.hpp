// SPDX-License-Identifier: Apache-2.0
// Where the demo is watched. On a terminal: colours, and a line at the bottom that is drawn again and again; elsewhere
// plain lines.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.hpp"
#include "ladder_client.hpp"

namespace lichen::demo {

enum class Tone { kPlain, kTitle, kTrouble, kDetail, kGood, kBad };

struct LiveLine {
  TimeNs elapsed_ns = 0;
  TimeNs span_ns = 0;
  std::size_t answers_per_s = 0;
  double accuracy = 0;
  std::optional<DeviceView> device;  // absent: the agent does not answer now
};

class Screen {
 public:
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  [[nodiscard]] bool is_terminal() const { return terminal_; }
  // Prints the text and a line break above the live line.
  void say(std::string_view text, Tone tone = Tone::kPlain);
  // Does nothing where there is no terminal.
  void draw(const LiveLine& line);

 private:
  void clear_live();
  bool terminal_;
  bool live_ = false;
};

}  // namespace lichen::demo
