// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/json.hpp"
#include "protocol/oip.hpp"
#include "protocol/oip_data.hpp"

namespace lichen::protocol {
namespace {

using tensor::TensorSpec;

// Text from outside may hold anything; JSON is UTF-8, so what is not becomes U+FFFD.
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void append_shape(std::string& out, const tensor::Shape& shape) {
  out.push_back('[');
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) out.push_back(',');
    fmt::format_to(std::back_inserter(out), "{}", shape[axis]);
  }
  out.push_back(']');
}

std::string rung_text(const Contract& contract, std::uint32_t rung) {
  return rung < contract.rung_names.size() ? contract.rung_names[rung] : fmt::format("{}", rung);
}

void append_labels(std::string& out, const Contract& contract, const AnswerLabels& labels) {
  fmt::format_to(std::back_inserter(out),
                 R"("parameters":{{"lichen_rung":{},"lichen_reason":{},"lichen_degraded":{},"lichen_latency_us":{})",
                 dump(rung_text(contract, labels.rung)), dump(labels.reason), labels.rung > 0,
                 labels.latency_ns / kMicrosecondNs);
  if (labels.confidence) {
    fmt::format_to(std::back_inserter(out), R"(,"lichen_confidence":{}.{:06})", *labels.confidence / kWholePpm,
                   *labels.confidence % kWholePpm);
  }
  if (labels.ballots > 0) {
    fmt::format_to(std::back_inserter(out), R"(,"lichen_votes":{},"lichen_ballots":{})", labels.votes, labels.ballots);
  }
  out.push_back('}');
}

void append_place(std::string& out, const SharedPlace& place, std::size_t bytes) {
  fmt::format_to(
      std::back_inserter(out),
      R"(,"parameters":{{"shared_memory_region":{},"shared_memory_byte_size":{},"shared_memory_offset":{}}})",
      dump(place.region), bytes, place.offset);
}

void append_output(std::string& out, const TensorSpec& spec, const RequestedOutput& wanted, ByteView data) {
  fmt::format_to(std::back_inserter(out), R"({{"name":{},"datatype":"{}","shape":)", dump(spec.name),
                 oip_name_of(spec.dtype));
  append_shape(out, spec.shape);
  if (wanted.shared) {
    append_place(out, *wanted.shared, data.size());
  } else if (wanted.binary) {
    fmt::format_to(std::back_inserter(out), R"(,"parameters":{{"binary_data_size":{}}})", data.size());
  } else {
    out += R"(,"data":)";
    const std::size_t non_finite = append_json_data(out, spec, data);
    if (non_finite > 0)
      fmt::format_to(std::back_inserter(out), R"(,"parameters":{{"lichen_non_finite":{}}})", non_finite);
  }
  out.push_back('}');
}

ByteView part_of(const Contract& contract, std::uint32_t index, ByteView output) {
  std::size_t offset = 0;
  for (std::uint32_t i = 0; i < index; ++i) offset += contract.outputs[i].bytes();
  return output.subspan(offset, contract.outputs[index].bytes());
}

Json specs_json(const std::vector<TensorSpec>& specs) {
  Json all = Json::array();
  for (const TensorSpec& spec : specs) {
    const auto dims = spec.shape.dims();
    all.push_back({{"name", spec.name},
                   {"datatype", oip_name_of(spec.dtype)},
                   {"shape", std::vector<std::int64_t>(dims.begin(), dims.end())}});
  }
  return all;
}

}  // namespace

std::string_view oip_name_of(tensor::DType dtype) {
  using tensor::DType;
  switch (dtype) {
    case DType::kF32:
      return "FP32";
    case DType::kF16:
      return "FP16";
    case DType::kI8:
      return "INT8";
    case DType::kU8:
      return "UINT8";
    case DType::kI16:
      return "INT16";
    case DType::kI32:
      return "INT32";
    case DType::kI64:
      return "INT64";
    case DType::kBool:
      return "BOOL";
  }
  return "FP32";
}

EncodedAnswer encode_answer(const Contract& contract, const std::optional<std::string>& id,
                            std::span<const RequestedOutput> outputs, const AnswerLabels& labels, ByteView output) {
  LICHEN_ASSERT(output.size() == contract.output_bytes());
  EncodedAnswer answer;
  std::string& body = answer.body;
  fmt::format_to(std::back_inserter(body), R"({{"model_name":{},"model_version":{},)", dump(contract.model),
                 dump(contract.version));
  if (id) fmt::format_to(std::back_inserter(body), R"("id":{},)", dump(*id));
  append_labels(body, contract, labels);
  body += R"(,"outputs":[)";
  bool any_binary = false;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (i > 0) body.push_back(',');
    const std::uint32_t index = outputs[i].index;
    append_output(body, contract.outputs[index], outputs[i], part_of(contract, index, output));
    any_binary |= outputs[i].binary && !outputs[i].shared;
  }
  body += "]}";
  if (!any_binary) return answer;
  answer.json_header_length = body.size();
  for (const RequestedOutput& wanted : outputs) {
    if (wanted.binary && !wanted.shared) body += text_of(part_of(contract, wanted.index, output));
  }
  return answer;
}

std::string encode_error(const Error& error, std::string_view reason, TimeNs retry_after_ns) {
  Json lichen = to_json(error);
  if (!reason.empty()) lichen["reason"] = reason;
  if (retry_after_ns > 0) lichen["retry_after_ms"] = (retry_after_ns + kMillisecondNs - 1) / kMillisecondNs;
  return dump({{"error", error.to_line()}, {"lichen", std::move(lichen)}});
}

std::string encode_server_metadata(std::string_view version) {
  return dump({{"name", "lichen"}, {"version", version}, {"extensions",
                Json::array({"binary_tensor_data", "model_configuration", "model_repository", "statistics", "system_shared_memory",
                             "parameters"})}});
}

std::string encode_model_metadata(const Contract& contract) {
  return dump({{"name", contract.model},
               {"versions", Json::array({contract.version})},
               {"platform", "lichen"},
               {"inputs", specs_json(contract.inputs)},
               {"outputs", specs_json(contract.outputs)}});
}

}  // namespace lichen::protocol
