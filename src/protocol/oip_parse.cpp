// SPDX-License-Identifier: Apache-2.0
// Reads infer requests: the members of the request in whatever order they come, each tensor straight into its place.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.hpp"
#include "protocol/json_cursor.hpp"
#include "protocol/oip.hpp"
#include "protocol/oip_data.hpp"

namespace lichen::protocol {
namespace {

using tensor::TensorSpec;

constexpr std::string_view kWhat = "bad infer request";
constexpr std::string_view kSource = "request body";
constexpr std::size_t kNameShownBytesMax = 64;  // of a client's text in an error

std::string shown(std::string_view text) {
  return text.size() <= kNameShownBytesMax ? std::string(text)
                                           : std::string(text.substr(0, kNameShownBytesMax)) + "...";
}

std::unexpected<Error> bad(std::string where, std::string why, std::string hint = {}) {
  return fail(Code::kBadInput, std::string(kWhat), std::move(where), std::move(why), std::move(hint));
}

std::string names_of(const std::vector<TensorSpec>& specs) {
  std::vector<std::string_view> names;
  names.reserve(specs.size());
  for (const TensorSpec& spec : specs) names.push_back(spec.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

std::optional<std::uint32_t> index_named(const std::vector<TensorSpec>& specs, std::string_view name) {
  const auto at = std::ranges::find(specs, name, &TensorSpec::name);
  if (at == specs.end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - specs.begin());
}

Result<TimeNs> deadline_of(double milliseconds, std::string_view where) {
  if (!std::isfinite(milliseconds) || milliseconds <= 0) {
    return bad(std::string(where), fmt::format("{} is no time span", milliseconds),
               "send a number of milliseconds above 0");
  }
  const double capped = std::min(milliseconds, static_cast<double>(kDeadlineMsMax));
  return std::max(TimeNs{1}, static_cast<TimeNs>(capped * static_cast<double>(kMillisecondNs)));
}

// Which members of an object were seen: the protocol has no use for a member that comes twice.
class Seen {
 public:
  Result<void> once(std::string_view member, const JsonCursor& cursor, std::uint32_t bit) {
    if ((bits_ & bit) != 0) return bad(cursor.where(), fmt::format("\"{}\" is given twice", member), "send it once");
    bits_ |= bit;
    return {};
  }
  [[nodiscard]] bool has(std::uint32_t bit) const { return (bits_ & bit) != 0; }

 private:
  std::uint32_t bits_ = 0;
};

// An input as its members come by. Its data can be read on the spot only when name, datatype and shape came before.
struct InputDraft {
  static constexpr std::uint32_t kName = 1, kDatatype = 2, kShape = 4, kData = 8, kParameters = 16, kSize = 32;
  static constexpr std::uint32_t kRegion = 64, kRegionSize = 128, kRegionOffset = 256;


  std::string where;  // "request body, byte 12" until the name is known, then "input 'image'"
  std::string name;
  std::string datatype;
  std::vector<std::int64_t> shape;
  std::size_t data_at = 0;
  std::size_t binary_size = 0;
  SharedPlace place;
  bool data_read = false;
  Seen seen;
};

class InferParser {
 public:
  InferParser(const Contract& contract, std::string_view json, std::string_view binary)
      : contract_(contract),
        body_bytes_(json.size() + binary.size()),
        json_(json),
        cursor_(json, kSource),
        binary_(binary) {
    LICHEN_ASSERT(contract.inputs.size() <= kContractTensorsMax);
  }

  Result<ParsedInfer> parse() {
    LICHEN_TRY(cursor_.each_member([&](const std::string& key) { return member(key); }));
    LICHEN_TRY(cursor_.expect_end());
    if (!seen_.has(kInputs))
      return bad(std::string(kSource), "\"inputs\" is missing", "send the inputs " + names_of(contract_.inputs));
    LICHEN_TRY(all_inputs_given());
    if (binary_at_ != binary_.size()) {
      return bad(std::string(kSource),
                 fmt::format("{} bytes of binary data belong to no input", binary_.size() - binary_at_),
                 "make the sum of all binary_data_size equal to what follows the JSON");
    }
    settle_outputs();
    return std::move(result_);
  }

  // The whole body is the one input's data.
  Result<ParsedInfer> take_raw() {
    if (contract_.inputs.size() != 1) {
      return bad("header Inference-Header-Content-Length",
                 fmt::format("0 needs a model with one input, this one has {}", contract_.inputs.size()),
                 "send the JSON header, and its length");
    }
    const TensorSpec& spec = contract_.inputs.front();
    if (binary_.size() == spec.bytes()) result_.input.resize(spec.bytes());
    LICHEN_TRY(read_binary_data(binary_, spec, input_where(spec), result_.input.data()));
    binary_by_default_ = true;
    settle_outputs();
    return std::move(result_);
  }

 private:
  static constexpr std::uint32_t kId = 1, kParameters = 2, kInputs = 4, kOutputs = 8;
  struct OutputDraft {
    std::uint32_t index = 0;
    std::optional<bool> binary;
    SharedPlace place;
    Seen seen;
  };

  static std::string input_where(const TensorSpec& spec) { return fmt::format("input '{}'", spec.name); }

  Result<void> member(const std::string& key) {
    if (key == "id") {
      LICHEN_TRY(seen_.once(key, cursor_, kId));
      return id();
    }
    if (key == "parameters") {
      LICHEN_TRY(seen_.once(key, cursor_, kParameters));
      return cursor_.each_member([&](const std::string& name) { return parameter(name); });
    }
    if (key == "inputs") {
      LICHEN_TRY(seen_.once(key, cursor_, kInputs));
      return cursor_.each_element([&] { return input(); });
    }
    if (key == "outputs") {
      LICHEN_TRY(seen_.once(key, cursor_, kOutputs));
      return cursor_.each_element([&] { return output(); });
    }
    return cursor_.skip();
  }

  Result<void> id() {
    std::string id = LICHEN_TRY(cursor_.string());
    if (id.size() > kInferIdBytesMax) {
      return bad(cursor_.where(), fmt::format("\"id\" has {} bytes", id.size()),
                 fmt::format("send at most {}", kInferIdBytesMax));
    }
    result_.id = std::move(id);
    return {};
  }

  Result<void> parameter(const std::string& name) {
    if (name == "binary_data_output") {
      binary_by_default_ = LICHEN_TRY(cursor_.boolean());
      return {};
    }
    if (name == "lichen_deadline_ms") {
      const std::string where = fmt::format("parameter lichen_deadline_ms, {}", cursor_.where());
      const double milliseconds = LICHEN_TRY(cursor_.number());
      result_.deadline_ns = LICHEN_TRY(deadline_of(milliseconds, where));
      return {};
    }
    if (name == "lichen_priority") {
      const std::int64_t priority = LICHEN_TRY(cursor_.integer());
      if (priority < 0 || priority > std::numeric_limits<std::uint8_t>::max()) {
        return bad(fmt::format("parameter lichen_priority, {}", cursor_.where()),
                   fmt::format("{} is out of range", priority), "send 0 (usual) to 255 (first)");
      }
      result_.priority = static_cast<std::uint8_t>(priority);
      return {};
    }
    if (name == "lichen_min_rung") return min_rung();
    return cursor_.skip();
  }

  Result<void> min_rung() {
    const std::string where = fmt::format("parameter lichen_min_rung, {}", cursor_.where());
    const std::string hint = fmt::format("send one of {}, or its index from 0", fmt::join(contract_.rung_names, ", "));
    if (cursor_.peek() == '"') {
      const std::string name = LICHEN_TRY(cursor_.string());
      result_.min_rung = contract_.rung_named(name);
      if (!result_.min_rung) return bad(where, fmt::format("this model has no rung '{}'", shown(name)), hint);
      return {};
    }
    const std::int64_t index = LICHEN_TRY(cursor_.integer());
    if (index < 0 || static_cast<std::uint64_t>(index) >= contract_.rung_names.size()) {
      return bad(where, fmt::format("this model has no rung {}", index), hint);
    }
    result_.min_rung = static_cast<std::uint32_t>(index);
    return {};
  }

  Result<void> input() {
    InputDraft draft;
    (void)cursor_.peek();
    draft.where = cursor_.where();
    LICHEN_TRY(cursor_.each_member([&](const std::string& key) { return input_member(draft, key); }));
    if (!draft.seen.has(InputDraft::kName))
      return bad(draft.where, "an input without \"name\"", "name it: " + names_of(contract_.inputs));
    if (!draft.seen.has(InputDraft::kShape))
      return bad(draft.where, "\"shape\" is missing", "send the shape as an array");
    if (!draft.seen.has(InputDraft::kDatatype))
      return bad(draft.where, "\"datatype\" is missing", "send it, as in FP32");
    const std::uint32_t index = LICHEN_TRY(checked_index(draft));
    if (given_[index]) return bad(draft.where, "given twice", "send each input once");
    given_[index] = true;
    if (draft.seen.has(InputDraft::kRegion) || draft.seen.has(InputDraft::kRegionSize))
      return finish_shared(draft, index);
    return draft.seen.has(InputDraft::kData) ? finish_json(draft, index) : finish_binary(draft, index);
  }

  Result<void> input_member(InputDraft& draft, const std::string& key) {
    if (key == "name") {
      LICHEN_TRY(draft.seen.once(key, cursor_, InputDraft::kName));
      draft.name = LICHEN_TRY(cursor_.string());
      draft.where = fmt::format("input '{}'", shown(draft.name));
      return {};
    }
    if (key == "datatype") {
      LICHEN_TRY(draft.seen.once(key, cursor_, InputDraft::kDatatype));
      draft.datatype = LICHEN_TRY(cursor_.string());
      return {};
    }
    if (key == "shape") {
      LICHEN_TRY(draft.seen.once(key, cursor_, InputDraft::kShape));
      return cursor_.each_element([&] { return dimension(draft); });
    }
    if (key == "parameters") {
      LICHEN_TRY(draft.seen.once(key, cursor_, InputDraft::kParameters));
      return cursor_.each_member([&](const std::string& name) { return input_parameter(draft, name); });
    }
    if (key == "data") {
      LICHEN_TRY(draft.seen.once(key, cursor_, InputDraft::kData));
      return data(draft);
    }
    return cursor_.skip();
  }

  Result<void> dimension(InputDraft& draft) {
    if (draft.shape.size() == tensor::kRankMax) {
      return bad(fmt::format("{}, shape, {}", draft.where, cursor_.where()),
                 fmt::format("more than {} dimensions", tensor::kRankMax));
    }
    draft.shape.push_back(LICHEN_TRY(cursor_.integer()));
    return {};
  }

  // Of an input or an output: where it lies in shared memory. False: the parameter is another one.
  Result<bool> place_parameter(SharedPlace& place, Seen& seen, const std::string& name) {
    if (name == "shared_memory_region") {
      LICHEN_TRY(seen.once(name, cursor_, InputDraft::kRegion));
      place.region = LICHEN_TRY(cursor_.string());
    } else if (name == "shared_memory_byte_size") {
      LICHEN_TRY(seen.once(name, cursor_, InputDraft::kRegionSize));
      place.bytes = LICHEN_TRY(not_negative(name));
    } else if (name == "shared_memory_offset") {
      LICHEN_TRY(seen.once(name, cursor_, InputDraft::kRegionOffset));
      place.offset = LICHEN_TRY(not_negative(name));
    } else {
      return false;
    }
    return true;
  }
  Result<std::uint64_t> not_negative(std::string_view name) {
    const std::int64_t value = LICHEN_TRY(cursor_.integer());
    if (value < 0) return bad(fmt::format("{}, {}", name, cursor_.where()), fmt::format("{} is negative", value));
    return static_cast<std::uint64_t>(value);
  }
  // Whether the place is given; an error if half of it is.
  static Result<bool> has_place(const Seen& seen, const std::string& where) {
    const bool region = seen.has(InputDraft::kRegion);
    if (region == seen.has(InputDraft::kRegionSize)) return region;
    return bad(where, "shared_memory_region and shared_memory_byte_size go together", "send both");
  }

  Result<void> finish_shared(InputDraft& draft, std::uint32_t index) {
    LICHEN_TRY(has_place(draft.seen, draft.where));
    if (draft.seen.has(InputDraft::kData) || draft.seen.has(InputDraft::kSize))
      return bad(draft.where, "it is given both in shared memory and in the body", "send the tensor in one form");
    const TensorSpec& spec = contract_.inputs[index];
    if (draft.place.bytes != spec.bytes()) {
      return bad(draft.where + ", shared_memory_byte_size",
                 fmt::format("it is {} instead of {}", draft.place.bytes, spec.bytes()),
                 fmt::format("share {} with shape {}, row-major and unpadded", oip_name_of(spec.dtype),
                             spec.shape.to_text()));
    }
    result_.shared_inputs.push_back({index, std::move(draft.place)});
    return {};
  }

  Result<void> input_parameter(InputDraft& draft, const std::string& name) {
    if (LICHEN_TRY(place_parameter(draft.place, draft.seen, name))) return {};
    if (name != "binary_data_size") return cursor_.skip();
    LICHEN_TRY(draft.seen.once(name, cursor_, InputDraft::kSize));
    const std::int64_t size = LICHEN_TRY(cursor_.integer());
    if (size < 0)
      return bad(fmt::format("{}, binary_data_size, {}", draft.where, cursor_.where()),
                 fmt::format("{} is negative", size));
    draft.binary_size = static_cast<std::size_t>(size);
    return {};
  }

  Result<void> data(InputDraft& draft) {
    constexpr std::uint32_t kNeeded[] = {InputDraft::kName, InputDraft::kDatatype, InputDraft::kShape};
    (void)cursor_.peek();
    draft.data_at = cursor_.at();
    if (!std::ranges::all_of(kNeeded, [&](std::uint32_t bit) { return draft.seen.has(bit); })) return cursor_.skip();
    const std::uint32_t index = LICHEN_TRY(checked_index(draft));
    draft.data_read = true;
    return read_json(index);
  }

  // The input's place in the contract, once its name, datatype and shape are known to be the contract's.
  Result<std::uint32_t> checked_index(const InputDraft& draft) {
    const std::optional<std::uint32_t> index = index_named(contract_.inputs, draft.name);
    if (!index) return bad(draft.where, "this model has no such input", "its inputs are " + names_of(contract_.inputs));
    const TensorSpec& spec = contract_.inputs[*index];
    if (draft.datatype != oip_name_of(spec.dtype)) {
      return fail(is_protocol_datatype(draft.datatype) ? Code::kBadInput : Code::kUnsupported, std::string(kWhat),
                  draft.where + ", datatype",
                  fmt::format("it is '{}' instead of {}", shown(draft.datatype), oip_name_of(spec.dtype)),
                  fmt::format("convert the data to {}", oip_name_of(spec.dtype)));
    }
    if (!std::ranges::equal(draft.shape, spec.shape.dims())) {
      return bad(draft.where + ", shape",
                 fmt::format("it is [{}] instead of {}", fmt::join(draft.shape, ", "), spec.shape.to_text()),
                 "shapes must be exactly the model's, batch included");
    }
    return *index;
  }

  static bool is_protocol_datatype(std::string_view name) {
    constexpr std::string_view kNames[] = {"BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                           "INT32", "INT64", "FP16",   "FP32",   "FP64",   "BYTES"};
    return std::ranges::find(kNames, name) != std::end(kNames);
  }

  Result<void> finish_json(InputDraft& draft, std::uint32_t index) {
    if (draft.seen.has(InputDraft::kSize)) {
      return bad(draft.where, "both \"data\" and binary_data_size are given", "send the tensor in one form");
    }
    if (draft.data_read) return {};
    const std::size_t after = cursor_.at();
    cursor_.seek(draft.data_at);
    LICHEN_TRY(read_json(index));
    cursor_.seek(after);
    return {};
  }

  Result<void> finish_binary(const InputDraft& draft, std::uint32_t index) {
    const TensorSpec& spec = contract_.inputs[index];
    if (!draft.seen.has(InputDraft::kSize))
      return bad(draft.where, "neither \"data\" nor the parameter binary_data_size is given",
                 "send the tensor in one form");
    if (draft.binary_size != spec.bytes()) {
      return bad(
          draft.where + ", binary_data_size", fmt::format("it is {} instead of {}", draft.binary_size, spec.bytes()),
          fmt::format("send {} with shape {}, row-major and unpadded", oip_name_of(spec.dtype), spec.shape.to_text()));
    }
    if (draft.binary_size > binary_.size() - binary_at_) {
      return bad(
          draft.where + ", binary data",
          fmt::format("{} bytes are left of the body instead of {}", binary_.size() - binary_at_, draft.binary_size),
          "set the header Inference-Header-Content-Length to the length of the JSON, and send all bytes behind it");
    }
    LICHEN_TRY(make_room());
    LICHEN_TRY(read_binary_data(binary_.substr(binary_at_, draft.binary_size), spec, draft.where, place_of(index)));
    binary_at_ += draft.binary_size;
    return {};
  }

  Result<void> read_json(std::uint32_t index) {
    LICHEN_TRY(make_room());
    return read_json_data(cursor_, contract_.inputs[index], input_where(contract_.inputs[index]), place_of(index));
  }

  // The input buffer, once: and only for a body that could fill it, since an element takes a byte in either form.
  Result<void> make_room() {
    if (!result_.input.empty()) return {};
    std::size_t elements = 0;
    for (const TensorSpec& spec : contract_.inputs) elements += static_cast<std::size_t>(spec.shape.elements());
    // Where some are in shared memory, the body is shorter, and nothing is known of it here.
    const bool some_shared = json_.find("shared_memory_region") != std::string_view::npos;
    if (body_bytes_ < elements && !some_shared) {
      return bad(std::string(kSource),
                 fmt::format("{} bytes are too few for the {} elements of {}", body_bytes_, elements,
                             names_of(contract_.inputs)),
                 "send every element of every input");
    }
    result_.input.resize(contract_.input_bytes());
    return {};
  }

  std::byte* place_of(std::uint32_t index) {
    std::size_t offset = 0;
    for (std::uint32_t i = 0; i < index; ++i) offset += contract_.inputs[i].bytes();
    return result_.input.data() + offset;
  }

  Result<void> all_inputs_given() {
    for (std::size_t i = 0; i < contract_.inputs.size(); ++i) {
      if (!given_[i])
        return bad(input_where(contract_.inputs[i]), "it is missing", "send the inputs " + names_of(contract_.inputs));
    }
    return {};
  }

  Result<void> output() {
    OutputDraft draft;
    std::optional<std::string> name;
    (void)cursor_.peek();
    const std::string at = cursor_.where();
    LICHEN_TRY(cursor_.each_member([&](const std::string& key) { return output_member(draft, name, key); }));
    const std::string hint = "its outputs are " + names_of(contract_.outputs);
    if (!name) return bad(at, "an output without \"name\"", hint);
    const std::string where = fmt::format("output '{}'", shown(*name));
    const std::optional<std::uint32_t> index = index_named(contract_.outputs, *name);
    if (!index) return bad(where, "this model has no such output", hint);
    if (std::ranges::find(outputs_, *index, &OutputDraft::index) != outputs_.end())
      return bad(where, "asked for twice", "ask for each output once");
    draft.index = *index;
    const std::size_t bytes = contract_.outputs[*index].bytes();
    if (LICHEN_TRY(has_place(draft.seen, where)) && draft.place.bytes < bytes) {
      return bad(where + ", shared_memory_byte_size", fmt::format("it is {}, less than {}", draft.place.bytes, bytes),
                 "share as many bytes as the output has");
    }
    outputs_.push_back(std::move(draft));
    return {};
  }

  Result<void> output_member(OutputDraft& draft, std::optional<std::string>& name, const std::string& key) {
    if (key == "name") {
      name = LICHEN_TRY(cursor_.string());
      return {};
    }
    if (key == "parameters") {
      return cursor_.each_member([&](const std::string& parameter) { return output_parameter(draft, parameter); });
    }
    return cursor_.skip();
  }

  Result<void> output_parameter(OutputDraft& draft, const std::string& name) {
    if (LICHEN_TRY(place_parameter(draft.place, draft.seen, name))) return {};
    if (name != "binary_data") return cursor_.skip();
    draft.binary = LICHEN_TRY(cursor_.boolean());
    return {};
  }

  void settle_outputs() {
    if (outputs_.empty()) {
      for (std::uint32_t i = 0; i < contract_.outputs.size(); ++i) outputs_.emplace_back().index = i;
    }
    for (OutputDraft& draft : outputs_) {
      RequestedOutput& output = result_.outputs.emplace_back();
      output = {draft.index, draft.binary.value_or(binary_by_default_)};
      if (draft.seen.has(InputDraft::kRegion)) output.shared = std::move(draft.place);
    }
  }

  const Contract& contract_;
  std::size_t body_bytes_;
  std::string_view json_;
  JsonCursor cursor_;
  std::string_view binary_;
  std::size_t binary_at_ = 0;
  ParsedInfer result_;
  std::vector<OutputDraft> outputs_;
  std::array<bool, kContractTensorsMax> given_{};
  bool binary_by_default_ = false;
  Seen seen_;
};

}  // namespace

Result<ParsedInfer> parse_infer(const Contract& contract, std::string_view body,
                                std::optional<std::size_t> json_header_length) {
  const std::size_t json_bytes = json_header_length.value_or(body.size());
  if (json_bytes > body.size()) {
    return bad("header Inference-Header-Content-Length",
               fmt::format("it is {}, but the body has {} bytes", json_bytes, body.size()),
               "set it to the length of the JSON");
  }
  InferParser parser(contract, body.substr(0, json_bytes), body.substr(json_bytes));
  return json_header_length && json_bytes == 0 ? parser.take_raw() : parser.parse();
}

std::size_t infer_body_bytes_max(const Contract& contract) {
  std::size_t bytes = kInferEnvelopeBytes;
  for (const TensorSpec& spec : contract.inputs)
    bytes += static_cast<std::size_t>(spec.shape.elements()) * kJsonElementBytes;
  return bytes;
}

Result<TimeNs> parse_deadline_ms(std::string_view text, std::string_view where) {
  double milliseconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), milliseconds);
  if (error != std::errc() || end != text.data() + text.size()) {
    return bad(std::string(where), fmt::format("'{}' is no number", shown(text)),
               "send a number of milliseconds above 0");
  }
  return deadline_of(milliseconds, where);
}

}  // namespace lichen::protocol
