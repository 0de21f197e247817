// SPDX-License-Identifier: Apache-2.0
// Several clients at once, each on a connection of its own, asking for one image after the other at a steady rate. A
// request whose connection breaks is asked again, until an answer comes or patience ends.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "base/units.hpp"
#include "learn/labelled_data.hpp"
#include "scoreboard.hpp"

namespace lichen::demo {

struct LoadOptions {
  std::uint16_t port = 0;
  std::size_t clients = 4;                   // the even ones speak JSON, the odd ones binary
  TimeNs interval_ns = 20 * kMillisecondNs;  // of one client's requests
  TimeNs deadline_ns = 50 * kMillisecondNs;
  TimeNs patience_ns = 8 * kSecondNs;  // no reply within this: lost
};

class Clients {
 public:
  // `images` and `scoreboard` must outlive this.
  Clients(const LoadOptions& options, const learn::LabelledData& images, Scoreboard& scoreboard);
  ~Clients();
  // Every request that was begun is finished first.
  void stop();

 private:
  std::vector<std::jthread> threads_;
};

}  // namespace lichen::demo
