// SPDX-License-Identifier: Apache-2.0
// One HTTP connection: bytes in, requests out; replies in, bytes out. It knows timeouts and sizes, nothing of
// inference.
//
//   idle -> header -> body -> handling -> writing -> idle ...
//                                            \-> lingering -> closed
//
// A refusal that leaves part of the request unread is written, and then what the client still sends is read and dropped
// for a bounded time (lingering): closing at once would make the system throw away the reply that it has not sent yet.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/units.hpp"
#include "doors/door_metrics.hpp"
#include "doors/http_message.hpp"
#include "doors/http_request.hpp"
#include "doors/listener.hpp"
#include "doors/rest_server.hpp"
#include "ports/inference.hpp"

namespace lichen::doors {

using Socket = boost::asio::generic::stream_protocol::socket;

class Connection;

// What a connection needs of the server that holds it.
class ConnectionHost {
 public:
  virtual ~ConnectionHost() = default;
  // The reply, or nothing where Connection::reply() is called: later, or already during this call.
  virtual std::optional<Reply> handle(Connection& connection, HttpRequest request) = 0;
  // The request in handling was not replied to in time; the reply to send instead.
  virtual Reply overdue(Connection& connection) = 0;
  // More (or less, if negative) of request bodies is held. False: too much is, by all connections together.
  virtual bool hold_body(std::ptrdiff_t bytes) = 0;
  // An infer request was replied to and written (or not: the client was gone).
  virtual void infer_done(std::uint32_t model, TimeNs duration_ns, bool delivered) = 0;
  // Called once, last.
  virtual void closed(Connection& connection) = 0;
  [[nodiscard]] virtual TimeNs now_ns() const = 0;
  [[nodiscard]] virtual bool stopping() const = 0;
};

// Held by the server's table and by each operation in flight: whoever lets go last frees it. After close() it touches
// its host no more.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::uint64_t number, Socket socket, Peer peer, const RestOptions& options, ConnectionHost& host,
             DoorMetrics& metrics);

  void start();
  // Instead of start(): says why and closes.
  void turn_away(Reply reply);
  // Answers the request in handling.
  void reply(Reply reply);
  // For the request in handling: an infer request of this model, submitted, to be answered by then.
  void expect_answer(std::uint32_t model, ports::RequestId request, TimeNs overdue_ns);
  // When it began to wait for its client; nothing if it does not, or not long enough to give way to another.
  [[nodiscard]] std::optional<TimeNs> gives_way(TimeNs now_ns) const;
  // Closes what took too long.
  void sweep(TimeNs now_ns);
  // Closes as soon as no request is open.
  void finish();
  void close();

  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] bool turned_away() const { return turned_away_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  // The submitted infer request that this connection waits for; 0 for none.
  [[nodiscard]] ports::RequestId open_request() const { return open_request_; }

 private:
  enum class State : std::uint8_t { kIdle, kHeader, kBody, kHandling, kWriting, kLingering, kClosed };

  void enter(State state, TimeNs timeout_ns);
  void next_request();
  void read();
  void on_read(const boost::system::error_code& error, std::size_t bytes);
  void parse();
  [[nodiscard]] bool take_header();
  void say_continue();
  [[nodiscard]] bool hold_body();
  void release_body();
  void refuse_body();
  void handle();
  [[nodiscard]] std::optional<Reply> unfold_body(HttpRequest& request) const;
  void refuse(Reply reply);
  void refuse_parse_error(const boost::system::error_code& error);
  void write(Reply reply);
  void write_more();
  void on_written(const boost::system::error_code& error, std::size_t bytes);
  void linger();
  void on_lingered(std::size_t bytes);

  std::uint64_t number_;
  Socket socket_;
  Peer peer_;
  const RestOptions& options_;
  ConnectionHost& host_;
  DoorMetrics& metrics_;

  State state_ = State::kIdle;
  TimeNs expires_ns_ = kNeverNs;
  TimeNs since_ns_ = 0;  // of the state
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<ArrivedBody>> parser_;
  bool header_taken_ = false;
  bool continue_wanted_ = false;
  bool reading_ = false;
  bool turned_away_ = false;
  std::size_t lingered_bytes_ = 0;
  std::size_t body_held_bytes_ = 0;

  // Of the request in handling, for its reply.
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool head_only_ = false;
  TimeNs handled_ns_ = 0;
  std::optional<std::uint32_t> model_;
  ports::RequestId open_request_ = 0;
  std::string reply_head_;
  std::string reply_body_;
  std::size_t written_bytes_ = 0;  // of head and body together
  TimeNs write_by_ns_ = kNeverNs;
};

}  // namespace lichen::doors
