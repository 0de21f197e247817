// SPDX-License-Identifier: Apache-2.0
// Infer requests from anybody: whatever the bytes, parse_infer returns, and what it accepts has the contract's size and
// can be written and read again.
//
// The first byte chooses the model, the next two the length of the JSON (0xFFFF: no such header); the rest is the body.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.hpp"
#include "protocol/oip.hpp"

namespace {

using lichen::protocol::Contract;
using lichen::tensor::DType;

Contract contract_of(std::vector<lichen::tensor::TensorSpec> tensors) {
  Contract contract;
  contract.model = "m";
  contract.version = "1";
  contract.inputs = tensors;
  contract.outputs = std::move(tensors);
  contract.rung_names = {"primary", "compact", "reflex"};
  return contract;
}

const std::vector<Contract>& contracts() {
  static const std::vector<Contract> all = {
      contract_of({{"x", DType::kF32, {1, 2, 2}}}),
      contract_of({{"a", DType::kI8, {2}}, {"b", DType::kBool, {1}}, {"c", DType::kI64, {}}}),
      contract_of({{"u", DType::kU8, {3}}, {"s", DType::kI16, {1}}, {"i", DType::kI32, {1, 1}}}),
      contract_of({{"h", DType::kF16, {2}}, {"e", DType::kF32, {2, 0}}}),
  };
  return all;
}

// The answer that echoes the input is, with "outputs" renamed, a request for the same input.
void check_round_trip(const Contract& contract, const lichen::protocol::ParsedInfer& request) {
  auto outputs = request.outputs;
  lichen::protocol::EncodedAnswer answer = encode_answer(contract, request.id, outputs, {}, request.input);
  LICHEN_ASSERT(!answer.json_header_length || *answer.json_header_length <= answer.body.size());
  outputs.clear();
  for (std::uint32_t i = 0; i < contract.outputs.size(); ++i) outputs.push_back({i, true});
  answer = encode_answer(contract, request.id, outputs, {}, request.input);
  const std::size_t at = answer.body.rfind("\"outputs\":[{\"name\"", *answer.json_header_length);
  LICHEN_ASSERT(at != std::string::npos);
  answer.body.replace(at, 9, "\"inputs\"");
  const auto again = parse_infer(contract, answer.body, *answer.json_header_length - 1);
  LICHEN_ASSERT(again.has_value());
  LICHEN_ASSERT(again->input == request.input && again->id == request.id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const Contract& contract = contracts()[data[0] % contracts().size()];
  const std::size_t length = data[1] | static_cast<std::size_t>(data[2]) << 8;
  const std::string_view body(reinterpret_cast<const char*>(data) + 3, size - 3);
  std::optional<std::size_t> json_length;
  if (length != 0xFFFF) json_length = length;
  const auto request = parse_infer(contract, body, json_length);
  if (!request) {
    LICHEN_ASSERT(!request.error().why.empty() && !lichen::protocol::encode_error(request.error()).empty());
    return 0;
  }
  if (!request->shared_inputs.empty()) return 0;  // the rest is not in these bytes
  LICHEN_ASSERT(request->input.size() == contract.input_bytes());
  LICHEN_ASSERT(!request->outputs.empty());
  check_round_trip(contract, *request);
  return 0;
}
