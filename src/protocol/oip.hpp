// SPDX-License-Identifier: Apache-2.0
// Codec of the Open Inference Protocol, version 2, REST form, with its binary tensor data extension
// (github.com/kserve/open-inference-protocol, docs "predict API v2" and "binary tensor data extension"). Functions from
// bytes to values and back: no sockets, no clock. The lichen_* parameters are described in docs/protocol.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "protocol/contract.hpp"
#include "protocol/oip_shared_memory.hpp"
#include "tensor/dtype.hpp"

namespace lichen::protocol {

inline constexpr std::size_t kInferIdBytesMax = 1024;
// Room in a request beside the numbers: names, shapes, parameters, white space.
inline constexpr std::size_t kInferEnvelopeBytes = 64 << 10;
// Characters that one element may take in JSON, with its comma: enough for any printed double.
inline constexpr std::size_t kJsonElementBytes = 26;
inline constexpr std::int64_t kDeadlineMsMax = 1'000'000'000;  // larger ones mean this: eleven days

inline constexpr std::string_view kJsonContentType = "application/json";
inline constexpr std::string_view kBinaryContentType = "application/octet-stream";

// One output that the client wants, and how.
struct RequestedOutput {
  std::uint32_t index = 0;  // into the contract's outputs
  bool binary = false;      // raw bytes behind the JSON, instead of numbers in it
  std::optional<SharedPlace> shared = std::nullopt;  // or there, at least as long as the output, and not in the reply
};

// An input that is not in the body: whoever can touch the region fills its place in ParsedInfer::input.
struct SharedInput {
  std::uint32_t index = 0;  // into the contract's inputs
  SharedPlace place;        // exactly as long as the input
};

struct ParsedInfer {
  Bytes input;                            // all inputs in the contract's order, dense, little-endian; may be empty
                                          // where all are shared
  std::vector<SharedInput> shared_inputs;
  std::optional<std::string> id;          // to be echoed
  std::vector<RequestedOutput> outputs;   // in the order asked for; all of the contract's if none were named
  std::optional<TimeNs> deadline_ns;      // lichen_deadline_ms: from the request's arrival
  std::optional<std::uint32_t> min_rung;  // lichen_min_rung
  std::uint8_t priority = 0;              // lichen_priority
};

// Reads an infer request for this model. `json_header_length` is the header Inference-Header-Content-Length: so many
// bytes of the body are JSON and the rest is binary tensor data; absent: all is JSON; 0: all is the one input's data.
//
// Errors (kBadInput, kUnsupported) name the input, the field and the byte of the body. Tensors must be exactly what the
// contract says. Parameters that nobody knows are ignored, as the protocol asks. Binary floats may be NaN or infinite.
[[nodiscard]] Result<ParsedInfer> parse_infer(const Contract& contract, std::string_view body,
                                              std::optional<std::size_t> json_header_length);

// The longest body that parse_infer can need for this model.
[[nodiscard]] std::size_t infer_body_bytes_max(const Contract& contract);

// A deadline in milliseconds as text ("12.5"), for the header X-Lichen-Deadline-Ms. `where` names it in the error.
[[nodiscard]] Result<TimeNs> parse_deadline_ms(std::string_view text, std::string_view where);

// What an answer says about itself beside its tensors.
struct AnswerLabels {
  std::uint32_t rung = 0;
  std::string_view reason;  // why this rung and not a better one
  std::optional<Ppm> confidence;
  TimeNs latency_ns = 0;
  std::uint32_t votes = 0;  // where rungs vote: so many of `ballots` agree with this answer
  std::uint32_t ballots = 0;
};

struct EncodedAnswer {
  std::string body;
  // Set where the body carries binary data: its value for Inference-Header-Content-Length, and the content type is
  // then kBinaryContentType, else kJsonContentType.
  std::optional<std::size_t> json_header_length;
};

// `output` holds the contract's outputs, dense and in order (asserted). Floats are printed so that reading them back
// gives the same bits; NaN and infinities, which JSON lacks, become null, and their number is then told by the output's
// parameter "lichen_non_finite".
[[nodiscard]] EncodedAnswer encode_answer(const Contract& contract, const std::optional<std::string>& id,
                                          std::span<const RequestedOutput> outputs, const AnswerLabels& labels,
                                          ByteView output);

// {"error": "one sentence", "lichen": {code, what, where, why, try}}; with "reason" and "retry_after_ms", if any, in
// "lichen" too.
[[nodiscard]] std::string encode_error(const Error& error, std::string_view reason = {}, TimeNs retry_after_ns = 0);

[[nodiscard]] std::string encode_server_metadata(std::string_view version);
[[nodiscard]] std::string encode_model_metadata(const Contract& contract);

// "FP32", "INT8", ...
[[nodiscard]] std::string_view oip_name_of(tensor::DType dtype);

}  // namespace lichen::protocol
