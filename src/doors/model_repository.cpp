// SPDX-License-Identifier: Apache-2.0
#include "doors/model_repository.hpp"

#include <fmt/format.h>

#include "doors/connection.hpp"
#include "protocol/oip_model.hpp"

namespace lichen::doors {
namespace {

Reply done() {
  return {};  // 200 without a body, as clients of the protocol expect
}

Reply refused(const Error& error) {
  return error_reply(status_of(error.code), error);
}

std::string reason_of(const ModelState& state, bool ready) {
  if (ready) return {};
  if (!state.loaded) return "unloaded";
  return state.trouble.empty() ? "loading" : state.trouble;
}

}  // namespace

Reply ModelRepository::index(std::string_view body) const {
  const Result<bool> ready_only = protocol::parse_index_request(body);
  if (!ready_only) return refused(ready_only.error());
  std::vector<protocol::RepositoryEntry> entries;
  for (std::uint32_t model = 0; model < contracts_.size(); ++model) {
    const ModelState state = device_.model_state(model);
    const bool ready = state.loaded && device_.model_ready(model);
    if (*ready_only && !ready) continue;
    entries.push_back({contracts_[model].model, contracts_[model].version, ready, reason_of(state, ready)});
  }
  Reply reply;
  reply.body = protocol::encode_repository_index(entries);
  return reply;
}

Reply ModelRepository::unload(std::uint32_t model, std::string_view body) {
  if (const auto checked = protocol::check_load_request(body); !checked) return refused(checked.error());
  const Result<void> unloaded = device_.unload(model);
  return unloaded ? done() : refused(unloaded.error());
}

std::optional<Reply> ModelRepository::load(std::shared_ptr<Connection> client, std::uint32_t model,
                                           std::string_view body, TimeNs now_ns) {
  if (const auto checked = protocol::check_load_request(body); !checked) return refused(checked.error());
  if (const Result<void> loaded = device_.load(model); !loaded) return refused(loaded.error());
  Waiting waiting{std::move(client), model, now_ns + load_timeout_ns_};
  if (std::optional<Reply> reply = outcome(waiting, now_ns)) return reply;
  waiting_.push_back(std::move(waiting));
  return std::nullopt;
}

std::optional<Reply> ModelRepository::outcome(const Waiting& waiting, TimeNs now_ns) const {
  const ModelState state = device_.model_state(waiting.model);
  if (!state.loaded) return failure(waiting.model, "it was unloaded meanwhile");
  if (device_.model_ready(waiting.model)) return done();
  if (state.failing) return failure(waiting.model, state.trouble);
  if (now_ns >= waiting.until_ns) return failure(waiting.model, "nothing answered in time");
  return std::nullopt;
}

Reply ModelRepository::failure(std::uint32_t model, std::string_view why) const {
  return error_reply(503, {Code::kUnavailable, "the model is not ready", fmt::format("model {}", contracts_[model].model),
                           std::string(why), "it is tried again; GET /lichen/v1/status tells more"});
}

void ModelRepository::sweep(TimeNs now_ns) {
  std::vector<std::pair<std::shared_ptr<Connection>, Reply>> ended;
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    std::optional<Reply> reply = outcome(waiting, now_ns);
    if (!reply) return false;
    ended.emplace_back(waiting.client, std::move(*reply));
    return true;
  });
  for (auto& [client, reply] : ended) client->reply(std::move(reply));
}

void ModelRepository::forget(const Connection& client) {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.client.get() == &client; });
}

Reply ModelRepository::unloaded_reply(std::uint32_t model) const {
  return error_reply(503,
                     {Code::kUnavailable, "request refused", fmt::format("model {}", contracts_[model].model),
                      "it is unloaded", fmt::format("POST /v2/repository/models/{}/load", contracts_[model].model)},
                     "unloaded");
}

}  // namespace lichen::doors
