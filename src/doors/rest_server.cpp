// SPDX-License-Identifier: Apache-2.0
#include "doors/rest_server.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "doors/clients.hpp"
#include "doors/connection.hpp"
#include "doors/listener.hpp"
#include "doors/model_repository.hpp"
#include "doors/shared_regions.hpp"
#include "protocol/oip.hpp"
#include "protocol/oip_model.hpp"

namespace lichen::doors {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using protocol::Contract;

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

struct Listener {
  explicit Listener(Acceptor a) : acceptor(std::move(a)) {}
  Acceptor acceptor;
  bool paused = false;  // the system could not accept: the next sweep tries again
};

// A submitted infer request. It outlives its connection: the device may still read the input.
struct Exchange {
  std::shared_ptr<Connection> client;  // also held by the table of connections; null once the client is gone
  std::uint32_t model = 0;
  std::string peer;  // who has it open
  TimeNs arrived_ns = 0;  // the complete request
  TimeNs submitted_ns = 0;
  TimeNs deadline_ns = 0;
  protocol::ContentCoding coding = protocol::ContentCoding::kIdentity;  // that the client likes
  protocol::ParsedInfer request;
};

Reply json_reply(std::string body, int status = 200) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

Reply not_found(std::string where, std::string why, std::string hint) {
  return error_reply(404, {Code::kNotFound, "no such resource", std::move(where), std::move(why), std::move(hint)});
}

Reply wrong_method(std::string_view method, std::string_view allowed) {
  Reply reply = error_reply(405, {Code::kBadInput, "bad HTTP request", "request line",
                                  fmt::format("{} is not for this resource", method), fmt::format("use {}", allowed)});
  reply.headers.emplace_back("Allow", allowed);
  return reply;
}

bool is_region(Resource resource) {
  return resource >= Resource::kRegionStatus && resource <= Resource::kCudaUnregister;
}

// Root may register anybody's region, and of those who come over the network nothing is known.
std::optional<std::uint32_t> owner_for(const Peer& peer) {
  return peer.user == 0U ? std::nullopt : peer.user;
}

Reply turned_away(int status, std::string_view whose, std::size_t connections_max, std::string_view reason) {
  Reply reply = error_reply(status,
                            {Code::kExhausted, "connection refused", std::string(whose),
                             fmt::format("{} connections are open already", connections_max),
                             "use fewer connections, or try again later"},
                            reason);
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

RestOptions with_limits(RestOptions options, const std::vector<Contract>& contracts) {
  if (options.client_connections_max == 0)
    options.client_connections_max = std::max<std::size_t>(1, options.connections_max - options.connections_max / 4);
  if (options.body_bytes_max > 0) return options;
  options.body_bytes_max = protocol::kInferEnvelopeBytes;
  for (const Contract& contract : contracts) {
    options.body_bytes_max = std::max(options.body_bytes_max, protocol::infer_body_bytes_max(contract));
  }
  return options;
}

}  // namespace

// Held by the RestServer; handlers in flight hold it weakly, so none runs on a server that is gone.
class RestServer::Impl final : public ConnectionHost, public std::enable_shared_from_this<RestServer::Impl> {
 public:
  Impl(asio::io_context& io, RestOptions options, std::vector<Contract> contracts, ports::Inference& inference,
       const ports::Clock& clock, DeviceView& device, ports::SharedMemory* shared_memory)
      : io_(io),
        options_(with_limits(std::move(options), contracts)),
        contracts_(std::move(contracts)),
        inference_(inference),
        clock_(clock),
        device_(device),
        repository_(contracts_, device, options_.load_timeout_ns),
        regions_(shared_memory, {options_.regions_max, options_.regions_bytes_max}),
        statistics_(contracts_.size()),
        sweeper_(io) {
    counted_.infer_durations.resize(contracts_.size());
  }
  ~Impl() override {
    stopped_ = nullptr;
    close_all();
  }

  Result<void> listen(OwnedFd fd);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int backlog() const { return options_.listen_backlog; }
  void stop(TimeNs grace_ns, std::function<void()> stopped);
  void answer(ports::RequestId id, const ports::Answer& answer);
  void refuse(ports::RequestId id, const ports::Refusal& refusal);
  [[nodiscard]] std::vector<Metric> metrics() const {
    return counted_.metrics(contracts_, connections_.size(), exchanges_.size());
  }

  // ConnectionHost
  std::optional<Reply> handle(Connection& connection, HttpRequest request) override;
  Reply overdue(Connection& connection) override;
  bool hold_body(std::ptrdiff_t bytes) override;
  void infer_done(std::uint32_t model, TimeNs duration_ns, bool delivered) override;
  void closed(Connection& connection) override;
  [[nodiscard]] TimeNs now_ns() const override { return clock_.now_ns(); }
  [[nodiscard]] bool stopping() const override { return stopping_; }

 private:
  void accept(Listener& listener);
  void admit(Socket socket);
  bool make_room(std::string_view client);
  void arm_sweeper();
  void sweep();
  void close_all();
  void maybe_stopped();

  [[nodiscard]] std::optional<std::uint32_t> model_of(const Route& route) const;
  std::optional<Reply> dispatch(Connection& connection, const HttpRequest& request, const Route& route);
  std::optional<Reply> dispatch_model(Connection& connection, const HttpRequest& request, const Route& route,
                                      std::uint32_t model);
  [[nodiscard]] Reply look_up(const Route& route) const;
  [[nodiscard]] Reply statistics_page(std::uint32_t first, std::uint32_t count) const;
  [[nodiscard]] Reply over_share(const std::string& client);
  [[nodiscard]] TimeNs usual_ns(std::uint32_t model) const;
  [[nodiscard]] Reply count_failure(std::uint32_t model, TimeNs arrived_ns, Reply reply);
  [[nodiscard]] Reply look_up_model(const Route& route, std::uint32_t model) const;
  [[nodiscard]] Reply readiness(bool ready, std::string_view what) const;
  [[nodiscard]] Reply metrics_page() const;
  std::optional<Reply> infer(Connection& connection, const HttpRequest& request, std::uint32_t model);
  Result<Exchange> exchange_of(const HttpRequest& request, std::uint32_t model);
  std::optional<Exchange> take(ports::RequestId id);
  void compress(Reply& reply, protocol::ContentCoding coding) const;
  [[nodiscard]] Reply answer_reply(const Exchange& exchange, const ports::Answer& answer);
  [[nodiscard]] Reply late_reply(const Exchange& exchange) const;
  [[nodiscard]] Reply counted_answer(const Exchange& exchange, const ports::Answer& answer);

  asio::io_context& io_;
  RestOptions options_;
  std::vector<Contract> contracts_;
  ports::Inference& inference_;
  const ports::Clock& clock_;
  DeviceView& device_;
  ModelRepository repository_;
  SharedRegions regions_;
  std::vector<protocol::ModelStatistics> statistics_;  // by model

  std::vector<std::unique_ptr<Listener>> listeners_;
  std::uint16_t port_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;  // shared with operations in flight
  std::uint64_t last_connection_ = 0;
  std::size_t turned_away_ = 0;  // of connections_: only there to hear why
  Clients clients_;
  std::size_t bodies_bytes_ = 0;  // held by all connections
  std::unordered_map<ports::RequestId, Exchange> exchanges_;
  ports::RequestId last_request_ = 0;
  DoorMetrics counted_;

  asio::steady_timer sweeper_;
  bool sweeper_armed_ = false;
  bool stopping_ = false;
  TimeNs stop_by_ns_ = kNeverNs;
  std::function<void()> stopped_;
};

Result<void> RestServer::Impl::listen(OwnedFd fd) {
  LICHEN_TRY(check_listening(fd.get()));
  set_close_on_exec(fd.get());
  const int family = family_of(fd.get());
  if (port_ == 0) port_ = port_of(fd.get());
  Acceptor acceptor(io_);
  error_code error;
  acceptor.assign(asio::generic::stream_protocol(family, 0), fd.get(), error);
  if (!error) {
    (void)fd.release();
    acceptor.non_blocking(true, error);
  }
  if (error) return fail(Code::kIo, "cannot listen", fmt::format("descriptor {}", fd.get()), error.message());
  listeners_.push_back(std::make_unique<Listener>(std::move(acceptor)));
  accept(*listeners_.back());
  return {};
}

void RestServer::Impl::accept(Listener& listener) {
  listener.paused = false;
  listener.acceptor.async_accept([weak = weak_from_this(), &listener](const error_code& error, Socket socket) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self || self->stopping_) return;
    if (!error) {
      self->admit(std::move(socket));
      return self->accept(listener);
    }
    ++self->counted_.accept_errors;  // out of descriptors or memory: trying at once would spin
    listener.paused = true;
    self->arm_sweeper();
  });
}

void RestServer::Impl::admit(Socket socket) {
  ++counted_.connections_accepted;
  set_close_on_exec(socket.native_handle());
  error_code ignored;
  (void)socket.set_option(asio::ip::tcp::no_delay(true), ignored);  // a Unix-domain socket has no such option
  Peer peer = peer_of(socket.native_handle());
  if (peer.name == kUnknownPeer) return;  // it is gone already: a share of its own for such would be a second one
  const std::size_t admitted = connections_.size() - turned_away_;
  const bool crowded = admitted >= options_.connections_max && !make_room({});
  const bool greedy =
      clients_.of(peer.name).connections >= options_.client_connections_max && !make_room(peer.name);
  const bool turn_away = crowded || greedy;
  if (turn_away) ++counted_.connections_turned_away;
  if (turn_away && turned_away_ >= options_.turned_away_max) return;  // closed, for want of room to be polite
  const std::uint64_t number = ++last_connection_;
  const auto connection =
      std::make_shared<Connection>(number, std::move(socket), std::move(peer), options_, *this, counted_);
  connections_.emplace(number, connection);
  arm_sweeper();
  if (!turn_away) {
    clients_.add_connection(connection->peer().name);
    return connection->start();
  }
  ++turned_away_;
  connection->turn_away(crowded ? turned_away(503, "this server", options_.connections_max, "too_many_connections")
                                : turned_away(429, "you", options_.client_connections_max, "client_connections"));
}

// Closes the connection that has kept us waiting longest, of this client or of any. False: none has for long.
bool RestServer::Impl::make_room(std::string_view client) {
  const TimeNs now = clock_.now_ns();
  std::shared_ptr<Connection> idlest;
  TimeNs since_ns = kNeverNs;
  for (const auto& [number, connection] : connections_) {
    if (!client.empty() && connection->peer().name != client) continue;
    const std::optional<TimeNs> waits = connection->gives_way(now);
    if (!waits || *waits >= since_ns) continue;
    idlest = connection;
    since_ns = *waits;
  }
  if (!idlest) return false;
  ++counted_.connections_gave_way;
  idlest->close();
  return true;
}

void RestServer::Impl::arm_sweeper() {
  if (sweeper_armed_) return;
  sweeper_armed_ = true;
  sweeper_.expires_after(std::chrono::nanoseconds(options_.sweep_ns));
  sweeper_.async_wait([weak = weak_from_this()](const error_code& error) {
    const std::shared_ptr<Impl> self = weak.lock();
    if (!self || error) return;
    self->sweeper_armed_ = false;
    self->sweep();
  });
}

void RestServer::Impl::sweep() {
  const TimeNs now = clock_.now_ns();
  for (auto next = connections_.begin(); next != connections_.end();) {
    const std::shared_ptr<Connection> connection = (next++)->second;  // closing removes it from the table
    connection->sweep(now);
  }
  repository_.sweep(now);
  if (stopping_ && now >= stop_by_ns_) return close_all();
  for (const auto& listener : listeners_) {
    if (listener->paused && !stopping_) accept(*listener);
  }
  const bool paused = std::ranges::any_of(listeners_, [](const auto& listener) { return listener->paused; });
  if (!connections_.empty() || paused) arm_sweeper();
}

void RestServer::Impl::close_all() {
  for (const auto& listener : listeners_) {
    error_code ignored;
    (void)listener->acceptor.close(ignored);
  }
  while (!connections_.empty()) {
    const std::shared_ptr<Connection> connection = connections_.begin()->second;
    connection->close();
  }
}

void RestServer::Impl::stop(TimeNs grace_ns, std::function<void()> stopped) {
  stopping_ = true;
  stop_by_ns_ = clock_.now_ns() + grace_ns;
  stopped_ = std::move(stopped);
  for (const auto& listener : listeners_) {
    error_code ignored;
    (void)listener->acceptor.close(ignored);
  }
  for (auto next = connections_.begin(); next != connections_.end();) {
    const std::shared_ptr<Connection> connection = (next++)->second;
    connection->finish();
  }
  maybe_stopped();
}

void RestServer::Impl::maybe_stopped() {
  if (!stopping_ || !connections_.empty() || !stopped_) return;
  asio::post(io_, std::exchange(stopped_, nullptr));
}

void RestServer::Impl::closed(Connection& connection) {
  if (const auto at = exchanges_.find(connection.open_request()); at != exchanges_.end()) at->second.client.reset();
  repository_.forget(connection);
  if (connection.turned_away()) {
    --turned_away_;
  } else {
    clients_.drop_connection(connection.peer().name);
  }
  connections_.erase(connection.number());
  maybe_stopped();
}

bool RestServer::Impl::hold_body(std::ptrdiff_t bytes) {
  bodies_bytes_ += static_cast<std::size_t>(bytes);
  return bytes <= 0 || bodies_bytes_ <= options_.bodies_bytes_max;
}

void RestServer::Impl::infer_done(std::uint32_t model, TimeNs duration_ns, bool delivered) {
  if (!delivered) {
    ++counted_.answers_undelivered;
  } else {
    counted_.infer_durations[model].observe(duration_ns);
  }
}

std::optional<std::uint32_t> RestServer::Impl::model_of(const Route& route) const {
  const auto at = std::ranges::find(contracts_, route.model, &Contract::model);
  if (at == contracts_.end() || (route.version && *route.version != at->version)) return std::nullopt;
  return static_cast<std::uint32_t>(at - contracts_.begin());
}

std::optional<Reply> RestServer::Impl::handle(Connection& connection, HttpRequest request) {
  const std::string_view target = std_view(request.target());
  const Route route = route_of(target);
  if (route.resource == Resource::kNone) {
    return not_found(shown(target), "nothing is served there", "GET /v2 and GET /v2/models/MODEL tell what is");
  }
  const std::string_view allowed = methods_of(route.resource);
  const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
  const bool fits = allowed == "POST" ? request.method() == http::verb::post : reads;
  if (!fits) return wrong_method(std_view(request.method_string()), allowed);
  return dispatch(connection, request, route);
}

std::optional<Reply> RestServer::Impl::dispatch(Connection& connection, const HttpRequest& request,
                                                const Route& route) {
  if (route.resource == Resource::kRepositoryIndex) return repository_.index(request.body());
  if (is_region(route.resource)) return regions_.handle(route, request.body(), owner_for(connection.peer()));
  if (route.model.empty()) return look_up(route);
  if (const std::optional<std::uint32_t> model = model_of(route))
    return dispatch_model(connection, request, route, *model);
  std::string where = fmt::format("model {}", shown(route.model));
  if (route.version) where += fmt::format(", version {}", shown(*route.version));
  return not_found(std::move(where), "this device does not serve it", "GET /lichen/v1/status tells what it serves");
}

std::optional<Reply> RestServer::Impl::dispatch_model(Connection& connection, const HttpRequest& request,
                                                      const Route& route, std::uint32_t model) {
  switch (route.resource) {
    case Resource::kModelInfer:
      return infer(connection, request, model);
    case Resource::kRepositoryLoad:
      return repository_.load(connection.shared_from_this(), model, request.body(), clock_.now_ns());
    case Resource::kRepositoryUnload:
      return repository_.unload(model, request.body());
    default:
      return look_up_model(route, model);
  }
}

Reply RestServer::Impl::readiness(bool ready, std::string_view what) const {
  if (ready) return json_reply(Json{{"ready", true}}.dump());
  return error_reply(503, {Code::kUnavailable, "not ready", std::string(what),
                           "it did not answer a request or canary within the last period",
                           "try again later; GET /lichen/v1/status tells more"});
}

Reply RestServer::Impl::look_up(const Route& route) const {
  switch (route.resource) {
    case Resource::kLive:
      if (device_.live()) return json_reply(Json{{"live", true}}.dump());
      return error_reply(503, {Code::kUnavailable, "not live", "the device", "it makes no progress", "restart it"});
    case Resource::kReady:
      return readiness(device_.ready(), "the device");
    case Resource::kServer:
      return json_reply(protocol::encode_server_metadata(options_.server_version));
    case Resource::kStatus:
      return json_reply(device_.status().dump(-1, ' ', false, Json::error_handler_t::replace));
    case Resource::kMetrics:
      return metrics_page();
    case Resource::kStatistics:
      return statistics_page(0, static_cast<std::uint32_t>(contracts_.size()));
    default:
      return not_found("this path", "a model's name is missing", "GET /lichen/v1/status tells what is served");
  }
}

Reply RestServer::Impl::look_up_model(const Route& route, std::uint32_t model) const {
  const Contract& contract = contracts_[model];
  switch (route.resource) {
    case Resource::kModelReady:
      return readiness(device_.model_ready(model), fmt::format("model {}", contract.model));
    case Resource::kModelConfig:
      return json_reply(protocol::encode_model_config(contract));
    case Resource::kModelStatistics:
      return statistics_page(model, 1);
    default:
      return json_reply(protocol::encode_model_metadata(contract));
  }
}

Reply RestServer::Impl::statistics_page(std::uint32_t first, std::uint32_t count) const {
  std::vector<protocol::ModelStatistics> shown(statistics_.begin() + first, statistics_.begin() + first + count);
  for (std::uint32_t i = 0; i < count; ++i) shown[i].executions = device_.executions(first + i);
  return json_reply(protocol::encode_statistics(std::span(contracts_).subspan(first, count), shown));
}

Reply RestServer::Impl::metrics_page() const {
  std::vector<Metric> all = device_.metrics();
  std::ranges::move(metrics(), std::back_inserter(all));
  Reply reply;
  reply.content_type = kExpositionContentType;
  reply.body = exposition(all);
  return reply;
}

Result<Exchange> RestServer::Impl::exchange_of(const HttpRequest& request, std::uint32_t model) {
  const std::optional<std::size_t> json_length = LICHEN_TRY(json_length_of(request));
  const std::optional<TimeNs> by_header = LICHEN_TRY(deadline_of(request));
  Exchange exchange;
  exchange.model = model;
  exchange.coding = accepted_coding_of(request);
  exchange.request = LICHEN_TRY(protocol::parse_infer(contracts_[model], request.body(), json_length));
  LICHEN_TRY(regions_.read_inputs(contracts_[model], exchange.request));
  TimeNs within = options_.deadline_ns_max;
  if (!by_header && !exchange.request.deadline_ns) within = std::min(within, options_.deadline_default_ns);
  if (by_header) within = std::min(within, *by_header);
  if (exchange.request.deadline_ns) within = std::min(within, *exchange.request.deadline_ns);
  exchange.deadline_ns = within;
  return exchange;
}

std::optional<Reply> RestServer::Impl::infer(Connection& connection, const HttpRequest& request, std::uint32_t model) {
  const TimeNs arrived = clock_.now_ns();
  const std::string& peer = connection.peer().name;
  if (clients_.of(peer).open_requests >= options_.client_requests_max)
    return count_failure(model, arrived, over_share(peer));
  Result<Exchange> made = exchange_of(request, model);
  if (!made) return count_failure(model, arrived, error_reply(status_of(made.error().code), made.error()));
  made->arrived_ns = arrived;
  made->submitted_ns = clock_.now_ns();
  made->deadline_ns += arrived;
  made->client = connection.shared_from_this();
  made->peer = peer;
  clients_.add_request(peer);
  const ports::RequestId id = ++last_request_;
  const Exchange& exchange = exchanges_.emplace(id, std::move(*made)).first->second;
  connection.expect_answer(model, id, exchange.deadline_ns + options_.unanswered_grace_ns);
  inference_.submit({.id = id,
                     .model = model,
                     .min_rung = exchange.request.min_rung.value_or(ports::kAnyRung),
                     .priority = exchange.request.priority,
                     .deadline_ns = exchange.deadline_ns,
                     .input = exchange.request.input});
  return std::nullopt;
}

Reply RestServer::Impl::over_share(const std::string& client) {
  ++counted_.requests_over_share;
  Reply reply = error_reply(429,
                            {Code::kExhausted, "request refused", client,
                             fmt::format("you have {} requests open, as many as one client may",
                                         options_.client_requests_max),
                             "wait for their answers"},
                            "client_limit");
  reply.headers.emplace_back("Retry-After", "1");
  return reply;
}

// When the queue is full, an answer's usual time from now some of it will be answered.
TimeNs RestServer::Impl::usual_ns(std::uint32_t model) const {
  const protocol::DurationStatistic& s = statistics_[model].compute_infer;
  return s.count == 0 ? 0 : s.total_ns / static_cast<TimeNs>(s.count);
}

Reply RestServer::Impl::count_failure(std::uint32_t model, TimeNs arrived_ns, Reply reply) {
  statistics_[model].fail.add(clock_.now_ns() - arrived_ns);
  return reply;
}

Reply RestServer::Impl::overdue(Connection& connection) {
  ++counted_.requests_unanswered;
  if (const auto at = exchanges_.find(connection.open_request()); at != exchanges_.end()) at->second.client.reset();
  return error_reply(504,
                     {Code::kDeadlineExceeded, "no answer", "this request",
                      "the device said nothing until after the deadline", "report this as a bug"},
                     "unanswered");
}

std::optional<Exchange> RestServer::Impl::take(ports::RequestId id) {
  auto node = exchanges_.extract(id);
  if (node.empty()) {
    ++counted_.answers_stray;
    return std::nullopt;
  }
  clients_.drop_request(node.mapped().peer);
  if (!node.mapped().client) ++counted_.answers_undelivered;
  return std::move(node.mapped());
}

// The reply, and what the statistics say about it.
Reply RestServer::Impl::counted_answer(const Exchange& exchange, const ports::Answer& answer) {
  const TimeNs answered_ns = clock_.now_ns();
  if (answered_ns > exchange.deadline_ns) {
    ++counted_.answers_late;
    return count_failure(exchange.model, exchange.arrived_ns, late_reply(exchange));
  }
  Reply reply = answer_reply(exchange, answer);
  if (reply.status != 200) return count_failure(exchange.model, exchange.arrived_ns, std::move(reply));
  const TimeNs done_ns = clock_.now_ns();
  protocol::ModelStatistics& s = statistics_[exchange.model];
  s.last_inference_ms = clock_.wall_s() * 1000;
  s.success.add(done_ns - exchange.arrived_ns);
  s.compute_input.add(exchange.submitted_ns - exchange.arrived_ns);
  s.compute_infer.add(answered_ns - exchange.submitted_ns);
  s.compute_output.add(done_ns - answered_ns);
  return reply;
}

Reply RestServer::Impl::late_reply(const Exchange& exchange) const {
  return error_reply(504,
                     {Code::kDeadlineExceeded, "the answer came too late",
                      fmt::format("model {}", contracts_[exchange.model].model), "its deadline had passed",
                      "allow more time"},
                     "late");
}

Reply RestServer::Impl::answer_reply(const Exchange& exchange, const ports::Answer& answer) {
  const Contract& contract = contracts_[exchange.model];
  if (answer.output.size() != contract.output_bytes()) {
    return error_reply(500, {Code::kInternal, "bad answer", fmt::format("model {}", contract.model),
                             fmt::format("{} bytes instead of {}", answer.output.size(), contract.output_bytes()),
                             "report this as a bug"});
  }
  if (const auto written = regions_.write_outputs(contract, exchange.request, answer.output); !written)
    return error_reply(status_of(written.error().code), written.error());
  const protocol::AnswerLabels labels = {.rung = answer.rung,
                                         .reason = ports::name_of(answer.reason),
                                         .confidence = protocol::confidence_of(contract, answer.rung, answer.output),
                                         .latency_ns = answer.latency_ns,
                                         .votes = answer.votes,
                                         .ballots = answer.ballots};
  protocol::EncodedAnswer encoded =
      protocol::encode_answer(contract, exchange.request.id, exchange.request.outputs, labels, answer.output);
  Reply reply = json_reply(std::move(encoded.body));
  if (encoded.json_header_length) {
    reply.content_type = protocol::kBinaryContentType;
    reply.headers.emplace_back(kJsonLengthField, fmt::format("{}", *encoded.json_header_length));
  }
  compress(reply, exchange.coding);
  return reply;
}

// The header length keeps telling the length of the JSON before it was compressed, as in Triton.
void RestServer::Impl::compress(Reply& reply, protocol::ContentCoding coding) const {
  if (reply.body.size() < options_.compressed_bytes_min || reply.body.size() > options_.compressed_bytes_max) return;
  std::optional<std::string> shorter = protocol::compress(coding, reply.body, reply.body.size());
  if (!shorter) return;
  reply.body = std::move(*shorter);
  reply.headers.emplace_back("Content-Encoding", protocol::name_of(coding));
}

void RestServer::Impl::answer(ports::RequestId id, const ports::Answer& answer) {
  const std::optional<Exchange> exchange = take(id);
  if (exchange && exchange->client) exchange->client->reply(counted_answer(*exchange, answer));
}

void RestServer::Impl::refuse(ports::RequestId id, const ports::Refusal& refusal) {
  const std::optional<Exchange> exchange = take(id);
  if (!exchange || !exchange->client) return;
  const std::uint32_t model = exchange->model;
  const bool unloaded = refusal.reason == ports::RefusalReason::kStopping && !device_.model_state(model).loaded;
  ports::Refusal told = refusal;
  if (refusal.reason == ports::RefusalReason::kOverloaded && told.retry_after_ns == 0)
    told.retry_after_ns = usual_ns(model);
  Reply reply = unloaded ? repository_.unloaded_reply(model) : refusal_reply(told, contracts_[model].model);
  exchange->client->reply(count_failure(model, exchange->arrived_ns, std::move(reply)));
}

RestServer::RestServer(asio::io_context& io, RestOptions options, std::vector<Contract> contracts,
                       ports::Inference& inference, const ports::Clock& clock, DeviceView& device,
                       ports::SharedMemory* shared_memory)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(contracts), inference, clock, device,
                                   shared_memory)) {}

RestServer::~RestServer() = default;

Result<void> RestServer::listen_tcp(const std::string& address, std::uint16_t port) {
  return impl_->listen(LICHEN_TRY(open_tcp_listener(address, port, impl_->backlog())));
}

Result<void> RestServer::listen_unix(const std::string& path, std::uint32_t mode) {
  return impl_->listen(LICHEN_TRY(open_unix_listener(path, impl_->backlog(), mode)));
}

Result<void> RestServer::adopt(int listening_socket) {
  return impl_->listen(OwnedFd(listening_socket));
}

std::uint16_t RestServer::port() const {
  return impl_->port();
}

void RestServer::stop(TimeNs grace_ns, std::function<void()> stopped) {
  impl_->stop(grace_ns, std::move(stopped));
}

void RestServer::answer(ports::RequestId id, const ports::Answer& answer) {
  impl_->answer(id, answer);
}

void RestServer::refuse(ports::RequestId id, const ports::Refusal& refusal) {
  impl_->refuse(id, refusal);
}

std::vector<Metric> RestServer::metrics() const {
  return impl_->metrics();
}

}  // namespace lichen::doors
