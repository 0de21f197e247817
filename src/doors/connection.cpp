// SPDX-License-Identifier: Apache-2.0
#include "doors/connection.hpp"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/format.h>

#include "base/assert.hpp"
#include "protocol/compression.hpp"

namespace lichen::doors {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kHeaderReadBytes = 4 << 10;
constexpr std::size_t kBodyReadBytes = 64 << 10;
constexpr std::size_t kBufferKeptBytes = 8 << 10;  // by a connection between requests
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

Reply http_refusal(int status, std::string where, std::string why, std::string hint) {
  const Code code = status == 413 || status == 431 ? Code::kExhausted
                    : status == 408                ? Code::kDeadlineExceeded
                    : status == 415                ? Code::kUnsupported
                                                   : Code::kBadInput;
  return error_reply(status, {code, "bad HTTP request", std::move(where), std::move(why), std::move(hint)});
}

// What the header says that rules the request out before its body is read.
std::optional<Reply> refusal_of(const HttpRequest& head) {
  if (!coding_of(head)) {
    Reply reply = http_refusal(415, "header Content-Encoding",
                               fmt::format("'{}' is not read", shown(std_view(head[http::field::content_encoding]))),
                               "send the body as it is, or in gzip or deflate");
    reply.headers.emplace_back("Accept-Encoding", "gzip, deflate");
    return reply;
  }
  const auto transfer = head.find(http::field::transfer_encoding);
  if (transfer != head.end() && !boost::beast::iequals(transfer->value(), "chunked")) {
    return http_refusal(415, "header Transfer-Encoding", "only \"chunked\" is read",
                        "send the body as it is, or chunked");
  }
  const auto expect = head.find(http::field::expect);
  if (expect != head.end() && !boost::beast::iequals(expect->value(), "100-continue")) {
    return http_refusal(417, "header Expect", "only \"100-continue\" is known", "leave the header out");
  }
  return std::nullopt;
}

}  // namespace

Connection::Connection(std::uint64_t number, Socket socket, Peer peer, const RestOptions& options, ConnectionHost& host,
                       DoorMetrics& metrics)
    : number_(number),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      options_(options),
      host_(host),
      metrics_(metrics),
      buffer_(options.header_bytes_max + kBodyReadBytes) {}

void Connection::start() {
  next_request();
}

void Connection::turn_away(Reply reply) {
  turned_away_ = true;
  refuse(std::move(reply));
}

void Connection::enter(State state, TimeNs timeout_ns) {
  state_ = state;
  since_ns_ = host_.now_ns();
  expires_ns_ = timeout_ns == kNeverNs ? kNeverNs : since_ns_ + timeout_ns;
}

void Connection::next_request() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(options_.header_bytes_max));
  parser_->body_limit(options_.body_bytes_max);
  header_taken_ = false;
  keep_alive_ = true;
  http_1_0_ = false;
  head_only_ = false;
  model_.reset();
  if (buffer_.size() > 0) {  // the next request was sent before this one's reply was
    enter(State::kHeader, options_.header_timeout_ns);
    return parse();
  }
  if (buffer_.capacity() > kBufferKeptBytes) buffer_.shrink_to_fit();
  enter(State::kIdle, options_.idle_timeout_ns);
  read();
}

void Connection::read() {
  LICHEN_ASSERT(!reading_);
  reading_ = true;
  const std::size_t wanted = state_ == State::kBody ? kBodyReadBytes : kHeaderReadBytes;
  const std::size_t room = std::min(wanted, buffer_.max_size() - buffer_.size());
  socket_.async_read_some(buffer_.prepare(room),
                          [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                            self->reading_ = false;
                            if (self->state_ != State::kClosed) self->on_read(error, bytes);
                          });
}

void Connection::on_read(const error_code& error, std::size_t bytes) {
  metrics_.received_bytes += bytes;
  if (state_ == State::kLingering) return error ? close() : on_lingered(bytes);
  if (state_ == State::kWriting) return;  // a refusal is being written: what still comes is dropped
  if (error) return close();
  buffer_.commit(bytes);
  if (state_ == State::kIdle) enter(State::kHeader, options_.header_timeout_ns);
  parse();
}

// Feeds the parser with what is in the buffer, until that is used up or a request is complete.
void Connection::parse() {
  while (buffer_.size() > 0) {
    error_code error;
    buffer_.consume(parser_->put(buffer_.cdata(), error));
    if (error == http::error::need_more) {
      if (buffer_.size() == buffer_.max_size()) return refuse_parse_error(http::error::header_limit);
      break;
    }
    if (error) return refuse_parse_error(error);
    if (!header_taken_ && parser_->is_header_done() && !take_header()) return;
    if (parser_->is_done()) return handle();
  }
  if (!hold_body()) return refuse_body();
  if (continue_wanted_) return say_continue();
  read();
}

bool Connection::take_header() {
  header_taken_ = true;
  const HttpRequest& head = parser_->get();
  http_1_0_ = head.version() == 10;
  head_only_ = head.method() == http::verb::head;
  if (std::optional<Reply> refusal = refusal_of(head)) {
    refuse(std::move(*refusal));
    return false;
  }
  continue_wanted_ = !http_1_0_ && head.find(http::field::expect) != head.end();
  parser_->eager(true);
  enter(State::kBody, options_.body_timeout_ns);
  return true;
}

// The client waits for this before it sends its body.
void Connection::say_continue() {
  continue_wanted_ = false;
  asio::async_write(socket_, asio::buffer(kContinue),
                    [self = shared_from_this()](const error_code& error, std::size_t bytes) {
                      if (self->state_ != State::kBody) return;
                      self->metrics_.sent_bytes += bytes;
                      if (error) return self->close();
                      self->read();
                    });
}

bool Connection::hold_body() {
  if (state_ != State::kBody) return true;
  const std::size_t held = parser_->get().body().size();
  const auto grown = static_cast<std::ptrdiff_t>(held - body_held_bytes_);
  body_held_bytes_ = held;
  return grown == 0 || host_.hold_body(grown);
}

void Connection::release_body() {
  if (body_held_bytes_ == 0) return;
  (void)host_.hold_body(-static_cast<std::ptrdiff_t>(body_held_bytes_));
  body_held_bytes_ = 0;
}

void Connection::refuse_body() {
  Reply reply = error_reply(429,
                            {Code::kExhausted, "request refused", "request body",
                             fmt::format("bodies of more than {} bytes are arriving", options_.bodies_bytes_max),
                             "send it at once, or try again later"},
                            "too_many_bodies");
  reply.headers.emplace_back("Retry-After", "1");
  refuse(std::move(reply));
}

void Connection::handle() {
  release_body();  // it is worked on at once, and then is no more
  HttpRequest request = parser_->release();
  keep_alive_ = request.keep_alive();
  handled_ns_ = host_.now_ns();
  enter(State::kHandling, kNeverNs);
  const auto self = shared_from_this();  // a reply may come, fail and close during the call
  if (std::optional<Reply> refusal = unfold_body(request)) return write(std::move(*refusal));
  if (std::optional<Reply> reply = host_.handle(*this, std::move(request))) write(std::move(*reply));
}

// A compressed body is as long as it unfolds to: the same limit holds for it.
std::optional<Reply> Connection::unfold_body(HttpRequest& request) const {
  const auto coding = coding_of(request).value_or(protocol::ContentCoding::kIdentity);
  if (coding == protocol::ContentCoding::kIdentity || request.body().empty()) return std::nullopt;
  Result<std::string> body = protocol::decompress(coding, request.body(), options_.body_bytes_max);
  if (!body) return error_reply(body.error().code == Code::kExhausted ? 413 : 400, body.error());
  request.body() = std::move(*body);
  return std::nullopt;
}

void Connection::expect_answer(std::uint32_t model, ports::RequestId request, TimeNs overdue_ns) {
  model_ = model;
  open_request_ = request;
  expires_ns_ = overdue_ns;
}

void Connection::reply(Reply reply) {
  LICHEN_ASSERT(state_ == State::kHandling);
  open_request_ = 0;
  write(std::move(reply));
}

// A reply that leaves the rest of the request unread.
void Connection::refuse(Reply reply) {
  release_body();
  keep_alive_ = false;
  handled_ns_ = host_.now_ns();
  write(std::move(reply));
}

void Connection::refuse_parse_error(const error_code& error) {
  if (error == http::error::body_limit) {
    return refuse(http_refusal(413, "request body", fmt::format("it is longer than {} bytes", options_.body_bytes_max),
                               "send tensors of the model's shape, in binary form if they are large"));
  }
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return refuse(http_refusal(431, "request header",
                               fmt::format("it is longer than {} bytes", options_.header_bytes_max),
                               "send fewer or shorter header fields"));
  }
  if (error == http::error::bad_version) {
    return refuse(http_refusal(505, "request line", "only HTTP/1.1 and HTTP/1.0 are spoken here", "use HTTP/1.1"));
  }
  refuse(http_refusal(400, header_taken_ ? "request body" : "request header", error.message(),
                      "send a request by RFC 9112"));
}

void Connection::write(Reply reply) {
  keep_alive_ = keep_alive_ && !host_.stopping();
  ++metrics_.replies_by_status[reply.status];
  reply_head_ = head_of(reply, {http_1_0_, keep_alive_});
  reply_body_ = std::move(reply.body);
  if (head_only_) reply_body_.clear();
  written_bytes_ = 0;
  write_by_ns_ = host_.now_ns() + options_.write_total_timeout_ns;
  state_ = State::kWriting;
  write_more();
}

// A client that takes some bytes gets time for the next ones, up to the total.
void Connection::write_more() {
  expires_ns_ = std::min(host_.now_ns() + options_.write_timeout_ns, write_by_ns_);
  const std::size_t of_head = std::min(written_bytes_, reply_head_.size());
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(reply_head_) + of_head,
                                                     asio::buffer(reply_body_) + (written_bytes_ - of_head)};
  socket_.async_write_some(buffers, [self = shared_from_this()](const error_code& error, std::size_t bytes) {
    if (self->state_ == State::kWriting) self->on_written(error, bytes);
  });
}

void Connection::on_written(const error_code& error, std::size_t bytes) {
  metrics_.sent_bytes += bytes;
  written_bytes_ += bytes;
  if (!error && written_bytes_ < reply_head_.size() + reply_body_.size()) return write_more();
  if (model_) host_.infer_done(*model_, host_.now_ns() - handled_ns_, !error);
  model_.reset();
  if (error) return close();
  if (keep_alive_ && !host_.stopping()) return next_request();
  linger();
}

void Connection::linger() {
  enter(State::kLingering, options_.linger_timeout_ns);
  error_code ignored;
  (void)socket_.shutdown(Socket::shutdown_send, ignored);
  buffer_.clear();
  if (!reading_) read();
}

void Connection::on_lingered(std::size_t bytes) {
  lingered_bytes_ += bytes;
  if (lingered_bytes_ > options_.linger_bytes_max) return close();
  read();
}

std::optional<TimeNs> Connection::gives_way(TimeNs now_ns) const {
  constexpr TimeNs kBodyFactor = 5;
  const bool body = state_ == State::kBody;
  if (!body && state_ != State::kIdle && state_ != State::kHeader) return std::nullopt;
  const TimeNs patience_ns = options_.give_way_ns * (body ? kBodyFactor : 1);
  return now_ns - since_ns_ >= patience_ns ? std::optional(since_ns_) : std::nullopt;
}

void Connection::sweep(TimeNs now_ns) {
  if (now_ns < expires_ns_) return;
  const auto count = [&](TimedOut phase) { ++metrics_.timeouts[static_cast<std::size_t>(phase)]; };
  switch (state_) {
    case State::kIdle:
      count(TimedOut::kIdle);
      return close();
    case State::kHeader:
      count(TimedOut::kHeader);
      return refuse(http_refusal(408, "request header", "it did not arrive in time", "send it at once"));
    case State::kBody:
      count(TimedOut::kBody);
      return refuse(http_refusal(408, "request body", "it did not arrive in time",
                                 "send it at once, and all that Content-Length tells"));
    case State::kHandling:
      return reply(host_.overdue(*this));
    case State::kWriting:
      count(TimedOut::kWrite);
      if (model_) host_.infer_done(*model_, now_ns - handled_ns_, false);
      return close();
    case State::kLingering:
      return close();
    case State::kClosed:
      return;
  }
}

void Connection::finish() {
  if (state_ == State::kIdle) close();
}

void Connection::close() {
  if (state_ == State::kClosed) return;
  release_body();
  state_ = State::kClosed;
  expires_ns_ = kNeverNs;
  error_code ignored;
  (void)socket_.close(ignored);
  host_.closed(*this);
}

}  // namespace lichen::doors
