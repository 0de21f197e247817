// SPDX-License-Identifier: Apache-2.0
// Lichen for C++23: the C interface (lichen.h) with owners and spans. Header only; link with liblichen.
//
//   auto model = lichen::Model::open("model.tflite");
//   if (!model) return complain(model.error().text);
//   auto session = lichen::Session::create(*model, {.threads = 2});
//   std::ranges::copy(pixels, session->input<float>(0).begin());
//   if (auto ran = session->run(); !ran) return complain(ran.error().text);
//   for (float score : session->output<float>(0)) ...
//
// Ownership, threads and errors: see lichen.h.
#pragma once

#include <lichen/lichen.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace lichen {

// Why something failed: what, where, why and what to do, in one line.
struct Failure {
  lichen_code code = LICHEN_FAILED;
  std::string text;
};

// An input or output as the model declares it.
struct TensorView {
  std::string name;
  lichen_type type = LICHEN_F32;
  std::vector<std::int64_t> dims;
  bool shape_known = true;  // false: it depends on values, and is known after a run
  std::size_t bytes = 0;
  float scale = 0.0F;  // 0: not quantized
  std::int32_t zero_point = 0;
};

// A checked model file.
class Model {
 public:
  [[nodiscard]] static std::expected<Model, Failure> open(const std::string& path) {
    lichen_error error{};
    return made(lichen_model_open(path.c_str(), &error), error);
  }
  [[nodiscard]] static std::expected<Model, Failure> from_memory(std::span<const std::byte> bytes,
                                                                 const std::string& name) {
    lichen_error error{};
    return made(lichen_model_from_memory(bytes.data(), bytes.size(), name.c_str(), &error), error);
  }
  [[nodiscard]] const lichen_model* get() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(lichen_model* model) const { lichen_model_close(model); }
  };
  explicit Model(lichen_model* handle) : handle_(handle) {}
  static std::expected<Model, Failure> made(lichen_model* handle, const lichen_error& error) {
    if (handle == nullptr) return std::unexpected(Failure{error.code, error.text});
    return Model(handle);
  }
  std::unique_ptr<lichen_model, Close> handle_;
};

struct Options {
  std::int32_t threads = 1;
};

// A model that is ready to run.
class Session {
 public:
  [[nodiscard]] static std::expected<Session, Failure> create(const Model& model, const Options& options = {}) {
    lichen_error error{};
    const lichen_options wanted{options.threads};
    lichen_session* handle = lichen_session_create(model.get(), &wanted, &error);
    if (handle == nullptr) return std::unexpected(Failure{error.code, error.text});
    return Session(handle);
  }

  [[nodiscard]] std::vector<TensorView> inputs() const {
    return views(lichen_session_input_count(handle_.get()), lichen_session_input_info);
  }
  [[nodiscard]] std::vector<TensorView> outputs() const {
    return views(lichen_session_output_count(handle_.get()), lichen_session_output_info);
  }

  // The elements of an input, to be written, and of an output, to be read after run(). T is the tensor's type.
  template <typename T>
  [[nodiscard]] std::span<T> input(std::size_t index) {
    lichen_tensor info{};
    if (lichen_session_input_info(handle_.get(), index, &info) != LICHEN_OK) return {};
    return {static_cast<T*>(lichen_session_input(handle_.get(), index)), info.bytes / sizeof(T)};
  }
  template <typename T>
  [[nodiscard]] std::span<const T> output(std::size_t index) const {
    lichen_tensor info{};
    if (lichen_session_output_info(handle_.get(), index, &info) != LICHEN_OK) return {};
    return {static_cast<const T*>(lichen_session_output(handle_.get(), index)), info.bytes / sizeof(T)};
  }

  [[nodiscard]] std::expected<void, Failure> resize(std::size_t index, std::span<const std::int64_t> dims) {
    lichen_error error{};
    const auto rank = static_cast<std::int32_t>(dims.size());
    return done(lichen_session_resize(handle_.get(), index, dims.data(), rank, &error), error);
  }

  // With a timeout: gives up between two layers once it has passed (LICHEN_TOO_LATE).
  [[nodiscard]] std::expected<void, Failure> run(std::chrono::microseconds timeout = {}) {
    lichen_error error{};
    return done(lichen_session_run(handle_.get(), timeout.count(), &error), error);
  }

  void reset() { lichen_session_reset(handle_.get()); }

 private:
  struct Close {
    void operator()(lichen_session* session) const { lichen_session_close(session); }
  };
  explicit Session(lichen_session* handle) : handle_(handle) {}

  static std::expected<void, Failure> done(lichen_code code, const lichen_error& error) {
    if (code != LICHEN_OK) return std::unexpected(Failure{code, error.text});
    return {};
  }
  using Info = lichen_code (*)(const lichen_session*, std::size_t, lichen_tensor*);
  [[nodiscard]] std::vector<TensorView> views(std::size_t count, Info info_of) const {
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < count; ++i) {
      lichen_tensor info{};
      if (info_of(handle_.get(), i, &info) != LICHEN_OK) continue;
      const bool known = info.rank >= 0;
      views.push_back({info.name, info.type, {info.dims, info.dims + (known ? info.rank : 0)}, known, info.bytes,
                       info.scale, info.zero_point});
    }
    return views;
  }
  std::unique_ptr<lichen_session, Close> handle_;
};

}  // namespace lichen
