// SPDX-License-Identifier: Apache-2.0
// The REST door: the Open Inference Protocol over HTTP/1.1, with health, status and metrics, on the device's one thread
// (the thread that runs the io_context). docs/protocol.md is its user's page.
//
// Every limit is in RestOptions. A connection carries one request at a time; pipelined requests wait in it. Input
// tensors of a submitted request are kept by the door until Answers hears of it, also when the client is gone by then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "doors/device_view.hpp"
#include "ports/clock.hpp"
#include "ports/inference.hpp"
#include "ports/shared_memory.hpp"
#include "protocol/contract.hpp"

namespace boost::asio {
class io_context;
}

namespace lichen::doors {

struct RestOptions {
  std::string server_version = "0.1.0";

  // Sizes.
  std::size_t connections_max = 256;        // further ones hear 503 at once and are closed
  std::size_t client_connections_max = 0;   // of one client, who hears 429; 0: three quarters of connections_max
  std::size_t client_requests_max = 48;     // open at a time, of one client, who hears 429
  std::size_t bodies_bytes_max = 64 << 20;  // of request bodies that are still arriving, all together
  std::size_t turned_away_max = 32;   // of those, how many may be waited for to take their 503
  std::size_t header_bytes_max = 16 << 10;
  std::size_t body_bytes_max = 0;          // 0: what the largest contract can need
  std::size_t linger_bytes_max = 1 << 20;  // read and dropped after a refusal, so that the client can read why
  int listen_backlog = 512;
  // Answers are compressed for clients that ask for it, if they are of such a size: below, it saves nothing; above, it
  // would keep everybody else waiting.
  std::size_t compressed_bytes_min = 256;
  std::size_t compressed_bytes_max = 4 << 20;

  // Regions of shared memory that clients have registered.
  std::size_t regions_max = 64;
  std::uint64_t regions_bytes_max = std::uint64_t{4} << 30;  // together

  // Times. They are looked at every sweep_ns, so they are kept to that precision.
  TimeNs sweep_ns = 100 * kMillisecondNs;
  TimeNs header_timeout_ns = 5 * kSecondNs;       // from a request's first byte to the end of its header
  TimeNs body_timeout_ns = 30 * kSecondNs;        // from there to the end of its body
  TimeNs idle_timeout_ns = 60 * kSecondNs;        // between requests, and before the first
  TimeNs write_timeout_ns = 10 * kSecondNs;       // to take the next bytes of an answer
  TimeNs write_total_timeout_ns = 5 * kMinuteNs;  // to take all of it
  // Where connections run out, one that has kept us waiting for so long (five times that for a body) gives way.
  TimeNs give_way_ns = kSecondNs;
  TimeNs linger_timeout_ns = kSecondNs;           // for the client to read a refusal and close
  TimeNs load_timeout_ns = 30 * kSecondNs;        // for a model to become ready, before its load is called failed
  TimeNs unanswered_grace_ns = kSecondNs;         // after its deadline, before a request without answer is given up

  // Deadlines of infer requests, from the moment the request is complete.
  TimeNs deadline_default_ns = kSecondNs;
  TimeNs deadline_ns_max = kMinuteNs;  // longer ones mean this
};

class RestServer final : public ports::Answers {
 public:
  // `contracts` in the order of the device's models. All the others must outlive the server, and so
  // must the server outlive every request that it submitted: let the device stop first. Without `shared_memory` clients may register none.
  RestServer(boost::asio::io_context& io, RestOptions options, std::vector<protocol::Contract> contracts,
             ports::Inference& inference, const ports::Clock& clock, DeviceView& device,
             ports::SharedMemory* shared_memory = nullptr);
  ~RestServer() override;  // closes everything

  // Listens on a numeric address (or "localhost"); port 0 picks a free one. Several calls give several listeners.
  [[nodiscard]] Result<void> listen_tcp(const std::string& address, std::uint16_t port);
  // Listens on a Unix-domain socket; a stale file of that name is replaced. `mode` says who may connect.
  [[nodiscard]] Result<void> listen_unix(const std::string& path, std::uint32_t mode = 0660);
  // Takes a socket that listens already (TCP or Unix), from socket activation or a holder. Owned from here on.
  [[nodiscard]] Result<void> adopt(int listening_socket);
  // The port of the first TCP listener; 0 without one.
  [[nodiscard]] std::uint16_t port() const;

  // Stops listening, closes idle connections, lets open requests end within the grace time, closes the rest, then
  // calls `stopped` (from the io_context). Requests that still lack an answer then are kept until Answers hears.
  void stop(TimeNs grace_ns, std::function<void()> stopped);

  // ports::Answers. One that comes after its deadline becomes an explicit error (504) and is counted as late.
  void answer(ports::RequestId id, const ports::Answer& answer) override;
  void refuse(ports::RequestId id, const ports::Refusal& refusal) override;

  // What the door counts itself; GET /metrics shows it beside the device's.
  [[nodiscard]] std::vector<Metric> metrics() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;  // handlers in flight hold it weakly, and share it while they run
};

}  // namespace lichen::doors
