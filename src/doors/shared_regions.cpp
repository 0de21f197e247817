// SPDX-License-Identifier: Apache-2.0
#include "doors/shared_regions.hpp"

#include <fmt/format.h>

#include "protocol/oip_data.hpp"

namespace lichen::doors {
namespace {

constexpr std::size_t kNameBytesMax = 256;

std::unexpected<Error> refuse(Code code, std::string where, std::string why, std::string hint) {
  return fail(code, "cannot use the shared memory", std::move(where), std::move(why), std::move(hint));
}

std::string text_of_region(std::string_view name) {
  return fmt::format("region '{}'", name.substr(0, kNameBytesMax));
}

Reply reply_to(const Result<void>& done) {
  return done ? Reply{} : error_reply(status_of(done.error().code), done.error());
}

// The inputs or outputs of a contract lie one behind the other.
std::size_t offset_of(const std::vector<tensor::TensorSpec>& specs, std::uint32_t index) {
  std::size_t offset = 0;
  for (std::uint32_t i = 0; i < index; ++i) offset += specs[i].bytes();
  return offset;
}

}  // namespace

Reply SharedRegions::handle(const Route& route, std::string_view body, std::optional<std::uint32_t> owner) {
  const std::optional<std::string> name = unescaped(route.region);
  if (!name || name->size() > kNameBytesMax)
    return reply_to(refuse(Code::kBadInput, "request target", "the region's name is bad", "use up to 256 letters"));
  switch (route.resource) {
    case Resource::kRegionStatus:
      return status(*name);
    case Resource::kRegionRegister:
      return enroll(*name, body, owner);
    case Resource::kRegionUnregister:
      return remove(*name);
    case Resource::kCudaStatus:
    case Resource::kCudaUnregister: {
      Reply reply;
      if (route.resource == Resource::kCudaStatus) reply.body = "[]";
      return reply;
    }
    default:
      return reply_to(refuse(Code::kUnsupported, text_of_region(*name), "CUDA memory is not shared here",
                             "use system shared memory, or binary tensor data"));
  }
}

Reply SharedRegions::status(std::string_view name) const {
  std::vector<protocol::RegionStatus> all;
  for (const auto& [known, region] : regions_) {
    if (name.empty() || name == known) all.push_back({known, &region.request});
  }
  if (all.empty() && !name.empty())
    return reply_to(refuse(Code::kNotFound, text_of_region(name), "it is not registered", "register it first"));
  Reply reply;
  reply.body = protocol::encode_region_status(all);
  return reply;
}

Reply SharedRegions::enroll(const std::string& name, std::string_view body, std::optional<std::uint32_t> owner) {
  return reply_to(add(name, body, owner));
}

Result<void> SharedRegions::add(const std::string& name, std::string_view body, std::optional<std::uint32_t> owner) {
  const std::string where = text_of_region(name);
  if (memory_ == nullptr) {
    return refuse(Code::kUnsupported, where, "this device's owner has not allowed it to clients",
                  "set shared_memory = true in [server] of its configuration, or send binary tensor data");
  }
  protocol::RegionRequest request = LICHEN_TRY(protocol::parse_region_request(body));
  if (regions_.contains(name))
    return refuse(Code::kBadInput, where, "it is registered already", "unregister it first, or choose another name");
  if (regions_.size() >= limits_.regions_max || request.bytes > limits_.bytes_max - bytes_) {
    return refuse(Code::kExhausted, where,
                  fmt::format("there are {} regions of {} bytes, and {} of {} may be", regions_.size(), bytes_,
                              limits_.regions_max, limits_.bytes_max),
                  "unregister what is no longer needed");
  }
  auto memory = LICHEN_TRY(memory_->open(request.key, request.offset + request.bytes, owner));
  bytes_ += request.bytes;
  regions_.emplace(name, Region{std::move(request), std::move(memory)});
  return {};
}

// As in Triton, it is no error if there is none of that name; without a name all go.
Reply SharedRegions::remove(const std::string& name) {
  std::erase_if(regions_, [&](const auto& entry) { return name.empty() || name == entry.first; });
  bytes_ = 0;
  for (const auto& [known, region] : regions_) bytes_ += region.request.bytes;
  return {};
}

Result<SharedRegions::Spot> SharedRegions::spot_of(const protocol::SharedPlace& place, std::string_view where) {
  const auto at = regions_.find(place.region);
  if (at == regions_.end()) {
    return refuse(Code::kBadInput, fmt::format("{}, {}", where, text_of_region(place.region)), "it is not registered",
                  "register it first");
  }
  const protocol::RegionRequest& region = at->second.request;
  if (place.offset > region.bytes || place.bytes > region.bytes - place.offset) {
    return refuse(Code::kBadInput, fmt::format("{}, {}", where, text_of_region(place.region)),
                  fmt::format("{} bytes from {} are beyond its {}", place.bytes, place.offset, region.bytes),
                  "stay within what was registered");
  }
  return Spot{at->second.memory.get(), region.offset + place.offset};
}

Result<void> SharedRegions::read_inputs(const protocol::Contract& contract, protocol::ParsedInfer& request) {
  if (request.shared_inputs.empty()) return {};
  std::vector<Spot> spots;  // all are found before any memory is taken
  for (const protocol::SharedInput& input : request.shared_inputs)
    spots.push_back(LICHEN_TRY(spot_of(input.place, fmt::format("input '{}'", contract.inputs[input.index].name))));
  request.input.resize(contract.input_bytes());
  for (std::size_t i = 0; i < spots.size(); ++i) {
    const std::uint32_t index = request.shared_inputs[i].index;
    const tensor::TensorSpec& spec = contract.inputs[index];
    const auto bytes = std::span(request.input).subspan(offset_of(contract.inputs, index), spec.bytes());
    LICHEN_TRY(spots[i].memory->read(spots[i].offset, bytes));
    LICHEN_TRY(protocol::check_binary_data(text_of(bytes), spec, fmt::format("input '{}'", spec.name)));
  }
  return {};
}

Result<void> SharedRegions::write_outputs(const protocol::Contract& contract, const protocol::ParsedInfer& request,
                                          ByteView output) {
  for (const protocol::RequestedOutput& wanted : request.outputs) {
    if (!wanted.shared) continue;
    const tensor::TensorSpec& spec = contract.outputs[wanted.index];
    const Spot spot = LICHEN_TRY(spot_of(*wanted.shared, fmt::format("output '{}'", spec.name)));
    LICHEN_TRY(spot.memory->write(spot.offset, output.subspan(offset_of(contract.outputs, wanted.index), spec.bytes())));
  }
  return {};
}

}  // namespace lichen::doors
