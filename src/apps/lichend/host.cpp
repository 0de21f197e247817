// SPDX-License-Identifier: Apache-2.0
#include "host.hpp"

#include <csignal>
#include <filesystem>
#include <system_error>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "no_storage.hpp"
#include "posix/files.hpp"
#include "posix/sd_notify.hpp"
#include "status.hpp"

namespace lichen::lichend {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kReflexBytesMax = 16 << 20;
constexpr TimeNs kStopGraceNs = 2 * kSecondNs;
constexpr int kSpinsPerLook = 64;  // looks at shared memory between two looks at the sockets

asio::steady_timer::time_point time_point_of(TimeNs ns) {
  return asio::steady_timer::time_point(std::chrono::nanoseconds(ns));
}

Result<engine::ReflexTable> load_reflex(const std::string& path, const protocol::Contract& contract) {
  const Bytes bytes = LICHEN_TRY(posix::read_file(path, kReflexBytesMax));
  auto table = engine::ReflexTable::parse(bytes, contract.input_bytes() / sizeof(float),
                                          contract.output_bytes() / sizeof(float));
  if (!table) table.error().where = path + (table.error().where.empty() ? "" : ", " + table.error().where);
  return table;
}

}  // namespace

ports::WorkerId Host::NamedWorkers::start(std::uint32_t model, std::uint32_t rung) {
  const ports::WorkerId worker = processes_->start(model, rung);
  latest_[{model, rung}] = {.worker = worker};
  return worker;
}

WorkerFacts Host::NamedWorkers::facts(std::uint32_t model, std::uint32_t rung) const {
  WorkerFacts facts{.scrub = processes_->scrub_counters(model, rung),
                    .damage_found = processes_->damage_found(model, rung)};
  const auto at = latest_.find({model, rung});
  if (at == latest_.end()) return facts;
  facts.pid = processes_->pid_of(at->second.worker);
  if (facts.pid > 0) facts.memory_bytes = at->second.memory_bytes;
  return facts;
}

void Host::NamedWorkers::measured(const ports::WorkerMeasured& event) {
  for (auto& [of, latest] : latest_) {
    if (latest.worker == event.worker) latest.memory_bytes = event.memory_bytes;
  }
}

Host::Host(const device::DeviceConfig& config)
    : signals_(io_), timer_(io_), workers_ready_(io_), storage_ready_(io_), sandboxed_(config.worker.sandbox),
      model_control_(config.server.model_control) {
  for (const device::ModelConfig& model : config.models) rung_names_.push_back(model.contract.rung_names);
}

// The door outlives the device's last word: requests that are still open hear of the stop.
Host::~Host() {
  if (device_ && !stopped_) device_->stop(clock_.now_ns());
  if (workers_ready_.is_open()) workers_ready_.release();
  if (storage_ready_.is_open()) storage_ready_.release();
  rest_.reset();
}

Result<std::unique_ptr<Host>> Host::create(const device::DeviceConfig& config, const std::string& config_path) {
  std::unique_ptr<Host> host(new Host(config));
  LICHEN_TRY(host->open(config, config_path));
  return host;
}

Result<void> Host::open(const device::DeviceConfig& config, const std::string& config_path) {
  started_ns_ = clock_.now_ns();
  open_reflexes(config, config_path);
  open_storage(posix::beside(config_path, config.state_directory));
  LICHEN_TRY(open_workers(config, config_path));
  LICHEN_TRY(open_doors(config));
  LICHEN_TRY(open_canaries(config, config_path));
  make_device(config);
  return {};
}

// No disk is a reason not to answer.
void Host::open_storage(const std::string& directory) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path(), ignored);
  auto storage = posix::FileStorage::open(directory);
  if (storage) {
    file_storage_ = storage->get();
    storage_ = std::move(*storage);
    return;
  }
  Error why = std::move(storage).error();
  why.code = Code::kIo;  // never "there is no such file", which would mean a first start
  spdlog::warn("{}; answering without a memory of restarts", why.to_line());
  storage_ = std::make_unique<NoStorage>(std::move(why), [this](ports::StorageDone&& done) {
    asio::post(io_, [this, done = std::move(done)] { device_->on(clock_.now_ns(), done); });
  });
}

// A table that cannot be used costs its own rung, not the device.
void Host::open_reflexes(const device::DeviceConfig& config, const std::string& config_path) {
  for (const device::ModelConfig& model : config.models) {
    auto& reflex = reflexes_.emplace_back();
    std::string& trouble = reflex_troubles_.emplace_back();
    const std::string& name = model.files.back().reflex;
    if (name.empty()) continue;
    auto table = load_reflex(posix::beside(config_path, name), model.contract);
    if (table) {
      reflex = std::make_unique<engine::ReflexTable>(std::move(*table));
    } else {
      trouble = table.error().to_line();
      spdlog::error("{}/{}: {}", model.contract.model, model.contract.rung_names.back(), trouble);
    }
  }
}

Result<void> Host::open_workers(const device::DeviceConfig& config, const std::string& config_path) {
  posix::ProcessWorkersConfig workers;
  const std::string& program = config.worker.program;
  workers.worker_program =
      program.empty() ? posix::sibling_program("lichen-worker") : posix::beside(config_path, program);
  workers.spin_ns_max = config.worker.spin_ns_max;
  workers.log = [](std::string_view line) { spdlog::warn("{}", line); };
  for (std::uint32_t m = 0; m < config.models.size(); ++m) {
    const device::ModelConfig& model = config.models[m];
    for (std::uint32_t r = 0; r < model.files.size(); ++r) {
      const device::RungFiles& files = model.files[r];
      if (files.file.empty()) continue;
      posix::WorkerJobSpec job;
      job.model_path = posix::beside(config_path, files.file);
      job.inputs = model.contract.inputs;
      job.outputs = model.contract.outputs;
      job.threads = files.threads;
      job.scrub_period_ns = config.worker.scrub_period_ns;
      job.memory_bytes_max = files.memory_bytes_max != 0 ? files.memory_bytes_max : config.worker.memory_bytes_max;
      job.cpu = files.cpu;
      job.sandbox = config.worker.sandbox ? posix::SandboxMode::kRequired : posix::SandboxMode::kOff;
      workers.rungs.push_back({.model = m, .rung = r, .job = std::move(job)});
    }
  }
  workers_ = std::make_unique<NamedWorkers>(LICHEN_TRY(posix::ProcessWorkers::create(std::move(workers))));
  return {};
}

Result<void> Host::open_doors(const device::DeviceConfig& config) {
  doors::RestOptions options;
  options.server_version = LICHEN_VERSION;
  options.connections_max = config.server.connections_max;
  options.client_connections_max = config.server.client_connections_max;
  options.client_requests_max = config.server.client_requests_max;
  options.deadline_default_ns = config.server.deadline_default_ns;
  options.deadline_ns_max = config.server.deadline_max_ns;
  std::vector<protocol::Contract> contracts;
  contracts.reserve(config.models.size());
  for (const device::ModelConfig& model : config.models) contracts.push_back(model.contract);
  rest_ = std::make_unique<doors::RestServer>(io_, options, std::move(contracts), static_cast<ports::Inference&>(*this),
                                              clock_, static_cast<doors::DeviceView&>(*this),
                                              config.server.shared_memory ? &shared_memory_ : nullptr);

  std::vector<posix::ListenSocket> handed = LICHEN_TRY(posix::take_listen_sockets());
  for (posix::ListenSocket& socket : handed) {
    LICHEN_TRY(rest_->adopt(socket.fd.release()));
    spdlog::info("listening on {} (handed over)", socket.where);
  }
  if (!handed.empty()) return {};
  for (const std::string& address : config.server.listen) {
    if (address.starts_with("unix:")) {
      LICHEN_TRY(rest_->listen_unix(address.substr(5), config.server.unix_mode));
      spdlog::info("listening on {}", address);
      continue;
    }
    const device::HostPort at = LICHEN_TRY(device::parse_host_port(address, "server.listen"));
    LICHEN_TRY(rest_->listen_tcp(at.host, at.port));
    spdlog::info("listening on {}:{}", at.host, at.port != 0 ? at.port : rest_->port());
  }
  return {};
}

// A question that does not fit the model would tell nothing, for ever.
Result<void> Host::open_canaries(const device::DeviceConfig& config, const std::string& config_path) {
  for (const device::ModelConfig& model : config.models) {
    const std::size_t bytes = model.contract.input_bytes();
    if (model.canary.empty()) {
      canaries_.emplace_back(bytes);
      continue;
    }
    const std::string path = posix::beside(config_path, model.canary);
    Bytes canary = LICHEN_TRY(posix::read_file(path, protocol::kContractBytesMax));
    if (canary.size() != bytes) {
      return fail(Code::kBadInput, "bad canary", fmt::format("{}, model '{}'", path, model.contract.model),
                  fmt::format("it has {} bytes, the inputs of the model {}", canary.size(), bytes),
                  "write the input tensors one after the other, dense, little-endian");
    }
    canaries_.push_back(std::move(canary));
  }
  return {};
}

void Host::make_device(const device::DeviceConfig& config) {
  for (const device::ModelConfig& model : config.models) contracts_.push_back(model.contract);
  for (const protocol::Contract& contract : contracts_) judges_.emplace_back(contract);
  std::vector<device::ModelSetup> models;
  for (std::size_t m = 0; m < config.models.size(); ++m) {
    const device::ModelConfig& model = config.models[m];
    models.push_back({.name = model.contract.model,
                      .ladder = model.ladder,
                      .canary_input = std::move(canaries_[m]),
                      .output_bytes = model.contract.output_bytes(),
                      .reflex = reflexes_[m].get(),
                      .reflex_trouble = reflex_troubles_[m],
                      .judge = &judges_[m]});
  }
  device_ = std::make_unique<device::Device>(
      std::move(models),
      device::DevicePorts{
          .workers = *workers_, .storage = *storage_, .random = random_, .answers = *rest_, .watcher = *this});
}

void Host::run() {
  workers_ready_.assign(workers_->processes().event_fd());
  watch_workers();
  if (file_storage_ != nullptr) {
    storage_ready_.assign(file_storage_->event_fd());
    watch_storage();
  }
  watch_signals();
  device_->start(clock_.now_ns());
  posix::sd_notify("READY=1");
  while (!stopped_) {
    io_.poll();
    if (clock_.now_ns() >= device_->next_wake_ns()) device_->tick(clock_.now_ns());
    if (stopped_ || spin()) continue;
    sleep();
  }
  device_->stop(clock_.now_ns());
}

// While an answer is only microseconds away, looking at shared memory is faster than sleeping. True if it found one.
bool Host::spin() {
  posix::ProcessWorkers& processes = workers_->processes();
  const TimeNs until_ns = processes.spin_until_ns();
  if (until_ns == 0 || clock_.now_ns() >= until_ns) return false;
  for (int i = 0; i < kSpinsPerLook; ++i) {
    if (processes.poll_fast(*this)) break;
  }
  return true;
}

void Host::sleep() {
  if (!workers_->processes().prepare_to_wait()) {
    workers_->processes().poll(*this);
    return;
  }
  arm_timer();
  io_.run_one();
}

void Host::arm_timer() {
  const TimeNs wake_ns = device_->next_wake_ns();
  if (wake_ns == timer_ns_) return;
  timer_ns_ = wake_ns;
  if (wake_ns == kNeverNs) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(time_point_of(wake_ns));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) timer_ns_ = kNeverNs;  // the loop ticks
  });
}

void Host::watch_workers() {
  workers_ready_.async_wait(asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    workers_->processes().poll(*this);
    watch_workers();
  });
}

void Host::watch_storage() {
  storage_ready_.async_wait(asio::posix::descriptor_base::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    file_storage_->poll([this](ports::StorageDone&& done) { device_->on(clock_.now_ns(), done); });
    watch_storage();
  });
}

void Host::watch_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    spdlog::info("{}: finishing open requests", signal == SIGINT ? "interrupted" : "asked to end");
    begin_stop();
  });
}

void Host::begin_stop() {
  if (stopping_) return;
  stopping_ = true;
  posix::sd_notify("STOPPING=1");
  rest_->stop(kStopGraceNs, [this] { stopped_ = true; });
}

void Host::submit(const ports::Request& request) {
  device_->on(clock_.now_ns(), request);
}

void Host::worker_ready(const ports::WorkerReady& event) {
  device_->on(clock_.now_ns(), event);
}

void Host::worker_answered(const ports::WorkerAnswered& event) {
  device_->on(clock_.now_ns(), event);
}

void Host::worker_measured(const ports::WorkerMeasured& event) {
  workers_->measured(event);
}

void Host::worker_gone(const ports::WorkerGone& event) {
  device_->on(clock_.now_ns(), event);
}

void Host::rung_event(TimeNs /*now_ns*/, std::uint32_t model, std::uint32_t rung, ladder::RungEvent event,
                      std::string_view detail) {
  const auto line = fmt::format("{}/{}: {}{}{}", device_->model_name(model), rung_names_[model][rung],
                                ladder::name_of(event), detail.empty() ? "" : ": ", detail);
  switch (event) {
    case ladder::RungEvent::kStarted:
    case ladder::RungEvent::kReady:
      spdlog::debug("{}", line);
      break;
    case ladder::RungEvent::kServes:
    case ladder::RungEvent::kBreakerClosed:
    case ladder::RungEvent::kUnloaded:
      spdlog::info("{}", line);
      break;
    default:
      spdlog::warn("{}", line);
      break;
  }
}

doors::ModelState Host::model_state(std::uint32_t model) const {
  return state_of(*device_, clock_.now_ns(), model);
}

std::uint64_t Host::executions(std::uint32_t model) const {
  return executions_of(*device_, clock_.now_ns(), model);
}

Result<void> Host::load(std::uint32_t model) {
  LICHEN_TRY(may_control());
  spdlog::info("{}: loading, as a client asked", device_->model_name(model));
  // Whoever loads a model may have replaced its files.
  for (std::uint32_t r = 0; r < rung_names_[model].size(); ++r) workers_->processes().expect_new_file(model, r);
  device_->load(clock_.now_ns(), model);
  return {};
}

Result<void> Host::unload(std::uint32_t model) {
  LICHEN_TRY(may_control());
  spdlog::info("{}: unloading, as a client asked", device_->model_name(model));
  device_->unload(clock_.now_ns(), model);
  return {};
}

Result<void> Host::may_control() const {
  if (model_control_) return {};
  return fail(Code::kUnsupported, "cannot load or unload models", "this device", "its owner has not allowed it to clients",
              "set model_control = true in [server] of its configuration");
}

Json Host::status() const {
  const TimeNs now_ns = clock_.now_ns();
  return status_json(*device_, now_ns,
                     {.uptime_ns = now_ns - started_ns_,
                      .version = LICHEN_VERSION,
                      .sandboxed = sandboxed_,
                      .worker = [this](std::uint32_t m, std::uint32_t r) { return workers_->facts(m, r); }});
}

std::vector<doors::Metric> Host::metrics() const {
  return device_metrics(*device_, clock_.now_ns(),
                        [this](std::uint32_t m, std::uint32_t r) { return workers_->facts(m, r); });
}

}  // namespace lichen::lichend
