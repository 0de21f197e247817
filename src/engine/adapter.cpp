// SPDX-License-Identifier: Apache-2.0
#include "engine/adapter.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "tensor/half.hpp"

namespace lichen::engine {
namespace {

using tensor::DType;

// Requests lie wherever a client's bytes landed, so floats are read and written by memcpy.
float float_at(const std::byte* from, std::size_t i) {
  float value = 0;
  std::memcpy(&value, from + i * sizeof(float), sizeof(float));
  return value;
}

// Returns the index of the first NaN, or `count`.
template <typename T>
std::size_t quantize(const std::byte* from, std::size_t count, float scale, std::int32_t zero_point, T* to) {
  constexpr float kMin = std::numeric_limits<T>::min();
  constexpr float kMax = std::numeric_limits<T>::max();
  for (std::size_t i = 0; i < count; ++i) {
    const float value = float_at(from, i);
    if (std::isnan(value)) return i;
    to[i] = static_cast<T>(std::clamp(std::round(value / scale) + static_cast<float>(zero_point), kMin, kMax));
  }
  return count;
}

template <typename T>
void dequantize(const T* from, std::size_t count, float scale, std::int32_t zero_point, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const float value = scale * static_cast<float>(from[i] - zero_point);
    std::memcpy(to + i * sizeof(float), &value, sizeof(float));
  }
}

void narrow(const std::byte* from, std::size_t count, std::uint16_t* to) {
  for (std::size_t i = 0; i < count; ++i) to[i] = tensor::half_of_float(float_at(from, i));
}

void widen(const std::uint16_t* from, std::size_t count, std::byte* to) {
  for (std::size_t i = 0; i < count; ++i) {
    const float value = tensor::float_of_half(from[i]);
    std::memcpy(to + i * sizeof(float), &value, sizeof(float));
  }
}

}  // namespace

Result<std::vector<Adapter::Port>> Adapter::ports_of(std::span<const TensorInfo> model,
                                                     std::span<const tensor::TensorSpec> contract,
                                                     std::string_view side) {
  const auto bad = [](std::string where, std::string why, Code code = Code::kBadInput) {
    return fail(code, "model does not fit its contract", std::move(where), std::move(why));
  };
  if (model.size() != contract.size()) {
    return bad(fmt::format("{}s", side),
               fmt::format("the contract has {}, the model {}", contract.size(), model.size()));
  }
  std::vector<Port> ports;
  for (std::size_t i = 0; i < model.size(); ++i) {
    const tensor::TensorSpec& own = model[i].spec;
    const std::string where = fmt::format("{} {} '{}'", side, i, contract[i].name);
    if (!own.shape.known()) return bad(where, "its shape depends on values, so no contract can hold", Code::kUnsupported);
    if (own.shape.elements() != contract[i].shape.elements()) {
      return bad(where,
                 fmt::format("{} in the contract, {} in the model", contract[i].shape.to_text(), own.shape.to_text()));
    }
    const bool scaled = (own.dtype == DType::kI8 || own.dtype == DType::kU8) && !model[i].quantization.empty();
    const bool convertible = contract[i].dtype == DType::kF32 && (scaled || own.dtype == DType::kF16);
    if (own.dtype != contract[i].dtype && !convertible) {
      return bad(where,
                 fmt::format("{} in the contract, {} in the model", name_of(contract[i].dtype), name_of(own.dtype)),
                 Code::kUnsupported);
    }
    Port port{contract[i], own.dtype, 1.0F, 0, static_cast<std::size_t>(own.shape.elements())};
    if (convertible && scaled) {
      port.scale = model[i].quantization.scale();
      port.zero_point = model[i].quantization.zero_point();
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

Result<Adapter> Adapter::create(const Session& session, std::span<const tensor::TensorSpec> contract_inputs,
                                std::span<const tensor::TensorSpec> contract_outputs) {
  Adapter adapter;
  adapter.inputs_ = LICHEN_TRY(ports_of(session.inputs(), contract_inputs, "input"));
  adapter.outputs_ = LICHEN_TRY(ports_of(session.outputs(), contract_outputs, "output"));
  adapter.request_bytes_ = tensor::bytes_of_all(contract_inputs);
  adapter.answer_bytes_ = tensor::bytes_of_all(contract_outputs);
  return adapter;
}

Result<void> Adapter::load(ByteView request, Session& session) const {
  if (request.size() != request_bytes_) {
    return fail(Code::kBadInput, "bad request", {},
                fmt::format("{} bytes of input, the contract says {}", request.size(), request_bytes_));
  }
  const std::byte* from = request.data();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Port& port = inputs_[i];
    std::byte* to = session.input(i).data();
    std::size_t done = port.elements;
    if (port.contract.dtype == port.model_dtype) {
      if (port.elements > 0) std::memcpy(to, from, port.contract.bytes());
    } else if (port.model_dtype == DType::kF16) {
      narrow(from, port.elements, reinterpret_cast<std::uint16_t*>(to));
    } else if (port.model_dtype == DType::kI8) {
      done = quantize(from, port.elements, port.scale, port.zero_point, reinterpret_cast<std::int8_t*>(to));
    } else {
      done = quantize(from, port.elements, port.scale, port.zero_point, reinterpret_cast<std::uint8_t*>(to));
    }
    if (done != port.elements) {
      return fail(Code::kBadInput, "bad request", fmt::format("input '{}', element {}", port.contract.name, done),
                  "it is NaN");
    }
    from += port.contract.bytes();
  }
  return {};
}

void Adapter::store(const Session& session, std::span<std::byte> answer) const {
  LICHEN_ASSERT(answer.size() == answer_bytes_);
  std::byte* to = answer.data();
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const Port& port = outputs_[i];
    const std::byte* from = session.output(i).data();
    if (port.contract.dtype == port.model_dtype) {
      if (port.elements > 0) std::memcpy(to, from, port.contract.bytes());
    } else if (port.model_dtype == DType::kF16) {
      widen(reinterpret_cast<const std::uint16_t*>(from), port.elements, to);
    } else if (port.model_dtype == DType::kI8) {
      dequantize(reinterpret_cast<const std::int8_t*>(from), port.elements, port.scale, port.zero_point, to);
    } else {
      dequantize(reinterpret_cast<const std::uint8_t*>(from), port.elements, port.scale, port.zero_point, to);
    }
    to += port.contract.bytes();
  }
}

}  // namespace lichen::engine
