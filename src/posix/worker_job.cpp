// SPDX-License-Identifier: Apache-2.0
#include "posix/worker_job.hpp"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <array>

#include <fmt/format.h>
#include <limits.h>

#include "posix/unix_socket.hpp"

namespace lichen::posix {

namespace {

constexpr std::uint32_t kNoCpu = 0xFFFFFFFF;

void encode(const std::vector<tensor::TensorSpec>& specs, ByteWriter& out) {
  out.put(static_cast<std::uint32_t>(specs.size()));
  for (const tensor::TensorSpec& spec : specs) {
    out.put_text(spec.name);
    out.put(static_cast<std::uint8_t>(spec.dtype));
    out.put(static_cast<std::uint8_t>(spec.shape.rank()));
    for (const std::int64_t dim : spec.shape.dims()) out.put(dim);
  }
}

Result<tensor::TensorSpec> decode_tensor(ByteReader& in) {
  tensor::TensorSpec spec;
  spec.name = in.get_text();
  const auto dtype = in.get<std::uint8_t>();
  const auto rank = in.get<std::uint8_t>();
  if (dtype > static_cast<std::uint8_t>(tensor::DType::kBool) || rank > tensor::kRankMax) {
    return fail(Code::kBadInput, "bad worker job", spec.name, "unknown type or rank");
  }
  spec.dtype = static_cast<tensor::DType>(dtype);
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < rank; ++i) dims[i] = in.get<std::int64_t>();
  spec.shape = LICHEN_TRY(tensor::Shape::make(std::span(dims).first(rank), spec.name));
  return spec;
}

Result<std::vector<tensor::TensorSpec>> decode_tensors(ByteReader& in) {
  const auto count = in.get<std::uint32_t>();
  if (count > kTensorsMax) return fail(Code::kBadInput, "bad worker job", {}, "too many tensors");
  std::vector<tensor::TensorSpec> specs;
  specs.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) specs.push_back(LICHEN_TRY(decode_tensor(in)));
  return specs;
}

Result<void> check_tensors(const std::vector<tensor::TensorSpec>& specs, std::string_view side) {
  if (specs.empty() || specs.size() > kTensorsMax) {
    return fail(Code::kBadInput, "bad worker job", std::string(side),
                fmt::format("needs 1 to {} tensors", kTensorsMax));
  }
  std::size_t bytes = 0;
  for (const tensor::TensorSpec& spec : specs) {
    if (spec.bytes() > kTensorBytesMax) bytes = kTensorBytesMax;
    bytes += spec.bytes();
    if (bytes > kTensorBytesMax) {
      return fail(Code::kExhausted, "bad worker job", std::string(side), "tensors above the limit of 64 MiB");
    }
  }
  return {};
}

}  // namespace

Result<void> check(const WorkerJobSpec& spec) {
  LICHEN_TRY(check_tensors(spec.inputs, "inputs"));
  LICHEN_TRY(check_tensors(spec.outputs, "outputs"));
  if (spec.threads < 1 || spec.threads > kWorkerThreadsMax) {
    return fail(Code::kBadInput, "bad worker job", "threads", fmt::format("1 to {}", kWorkerThreadsMax));
  }
  if (spec.scrub_period_ns < 0 || spec.scrub_period_ns > kScrubPeriodNsMax)
    return fail(Code::kBadInput, "bad worker job", "scrub period", "0 to 1 hour");
  if (spec.model_path.size() >= PATH_MAX) return fail(Code::kBadInput, "bad worker job", "model path", "too long");
  Bytes packet;
  ByteWriter out(packet);
  encode(spec, out);
  if (packet.size() + sizeof(ports::WorkerId) > kPacketBytesMax) {
    return fail(Code::kExhausted, "bad worker job", "names",
                fmt::format("description above {} bytes", kPacketBytesMax));
  }
  return {};
}

void encode(const WorkerJobSpec& spec, ByteWriter& out) {
  out.put_text(spec.model_path);
  encode(spec.inputs, out);
  encode(spec.outputs, out);
  out.put(spec.threads);
  out.put(spec.memory_bytes_max);
  out.put(spec.cpu.value_or(kNoCpu));
  out.put(spec.scrub_period_ns);
  out.put(static_cast<std::uint8_t>(spec.model_sum.has_value()));
  out.put(spec.model_sum.value_or(BlockSum{}).mix);
  out.put(spec.model_sum.value_or(BlockSum{}).crc);
  out.put(static_cast<std::uint8_t>(spec.from_flash));
  out.put(static_cast<std::uint8_t>(spec.sandbox));
  out.put(static_cast<std::uint8_t>(spec.drop_user));
}

Result<WorkerJobSpec> decode_worker_job(ByteReader& in) {
  WorkerJobSpec spec;
  spec.model_path = in.get_text();
  spec.inputs = LICHEN_TRY(decode_tensors(in));
  spec.outputs = LICHEN_TRY(decode_tensors(in));
  spec.threads = in.get<std::uint32_t>();
  spec.memory_bytes_max = in.get<std::uint64_t>();
  const auto cpu = in.get<std::uint32_t>();
  if (cpu != kNoCpu) spec.cpu = cpu;
  spec.scrub_period_ns = in.get<TimeNs>();
  const bool has_sum = in.get<std::uint8_t>() != 0;
  BlockSum sum;
  sum.mix = in.get<std::uint64_t>();
  sum.crc = in.get<std::uint32_t>();
  if (has_sum) spec.model_sum = sum;
  spec.from_flash = in.get<std::uint8_t>() != 0;
  // Anything but the one known way to switch the sandbox off leaves it on.
  spec.sandbox = in.get<std::uint8_t>() == static_cast<std::uint8_t>(SandboxMode::kOff) ? SandboxMode::kOff
                                                                                        : SandboxMode::kRequired;
  spec.drop_user = in.get<std::uint8_t>() != 0;
  if (!in.ok()) return fail(Code::kBadInput, "bad worker job", {}, "truncated");
  LICHEN_TRY(check(spec));
  return spec;
}

void encode(const TemplateReply& reply, ByteWriter& out) {
  out.put(static_cast<std::uint8_t>(reply.kind));
  out.put(reply.worker);
  out.put(reply.value);
}

Result<TemplateReply> decode_template_reply(ByteReader& in) {
  TemplateReply reply;
  const auto kind = in.get<std::uint8_t>();
  reply.kind = static_cast<TemplateReply::Kind>(kind);
  reply.worker = in.get<ports::WorkerId>();
  reply.value = in.get<std::int32_t>();
  if (!in.ok() || kind > static_cast<std::uint8_t>(TemplateReply::Kind::kExited)) {
    return fail(Code::kBadInput, "bad message from the worker template");
  }
  return reply;
}

std::string text_of_wait_status(int status) {
  if (WIFEXITED(status)) return fmt::format("exit status {}", WEXITSTATUS(status));
  if (!WIFSIGNALED(status)) return fmt::format("wait status {:#x}", status);
  const int signal = WTERMSIG(status);
  const char* name = ::sigdescr_np(signal);
  const char* note = signal == SIGSYS ? ": a system call that the sandbox forbids" : "";
  return fmt::format("signal {} ({}){}", signal, name != nullptr ? name : "unknown", note);
}

}  // namespace lichen::posix
