// SPDX-License-Identifier: Apache-2.0
// Who has how much of the door: connections and open requests by client (an address, or the user behind a Unix socket).
// Only clients that have something are kept, so there are never more than connections and open requests together.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace lichen::doors {

class Clients {
 public:
  struct Share {
    std::uint32_t connections = 0;
    std::uint32_t open_requests = 0;
  };

  [[nodiscard]] Share of(std::string_view client) const {
    const auto at = shares_.find(client);
    return at == shares_.end() ? Share() : at->second;
  }
  void add_connection(const std::string& client) { ++shares_[client].connections; }
  void drop_connection(const std::string& client) { drop(client, &Share::connections); }
  void add_request(const std::string& client) { ++shares_[client].open_requests; }
  void drop_request(const std::string& client) { drop(client, &Share::open_requests); }
  [[nodiscard]] std::size_t size() const { return shares_.size(); }

 private:
  void drop(const std::string& client, std::uint32_t Share::* count) {
    const auto at = shares_.find(client);
    if (at == shares_.end() || at->second.*count == 0) return;
    --(at->second.*count);
    if (at->second.connections == 0 && at->second.open_requests == 0) shares_.erase(at);
  }

  std::map<std::string, Share, std::less<>> shares_;
};

}  // namespace lichen::doors
