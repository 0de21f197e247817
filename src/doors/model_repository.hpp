// SPDX-License-Identifier: Apache-2.0
// The model repository extension of the REST door: which models there are, and loading and unloading them. A load is
// replied to once the model is ready, so its reply may come later.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "doors/device_view.hpp"
#include "doors/http_message.hpp"
#include "protocol/contract.hpp"

namespace lichen::doors {

class Connection;

class ModelRepository {
 public:
  ModelRepository(std::span<const protocol::Contract> contracts, DeviceView& device, TimeNs load_timeout_ns)
      : contracts_(contracts), device_(device), load_timeout_ns_(load_timeout_ns) {}

  [[nodiscard]] Reply index(std::string_view body) const;
  [[nodiscard]] Reply unload(std::uint32_t model, std::string_view body);
  // Nothing: the reply comes with a sweep.
  [[nodiscard]] std::optional<Reply> load(std::shared_ptr<Connection> client, std::uint32_t model,
                                          std::string_view body, TimeNs now_ns);
  // Replies to the loads that have come to an end.
  void sweep(TimeNs now_ns);
  void forget(const Connection& client);

  // 503: the model is unloaded.
  [[nodiscard]] Reply unloaded_reply(std::uint32_t model) const;

 private:
  struct Waiting {
    std::shared_ptr<Connection> client;
    std::uint32_t model = 0;
    TimeNs until_ns = 0;
  };
  [[nodiscard]] std::optional<Reply> outcome(const Waiting& waiting, TimeNs now_ns) const;
  [[nodiscard]] Reply failure(std::uint32_t model, std::string_view why) const;

  std::span<const protocol::Contract> contracts_;
  DeviceView& device_;
  TimeNs load_timeout_ns_;
  std::vector<Waiting> waiting_;  // at most one a connection
};

}  // namespace lichen::doors
