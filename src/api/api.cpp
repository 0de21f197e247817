// SPDX-License-Identifier: Apache-2.0
// The C interface over Session. Allocation failures and other exceptions of the library end here, as LICHEN_FAILED.
#include <lichen/lichen.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "api/onnx_plugin.hpp"
#include "base/bytes.hpp"
#include "engine/session.hpp"
#include "formats/tflite.hpp"
#include "posix/clock.hpp"
#include "posix/library.hpp"
#include "posix/mapped_file.hpp"

namespace {

using lichen::Bytes;
using lichen::ByteView;
using lichen::Code;
using lichen::Error;
using lichen::Result;
using lichen::api::OnnxPlugin;

// What a model's weights are borrowed from; shared by the model and its sessions, whichever goes last.
struct File {
  std::optional<lichen::posix::MappedFile> mapped;
  Bytes copied;
  [[nodiscard]] ByteView bytes() const { return mapped ? mapped->bytes() : ByteView(copied); }
};

lichen_code code_of(Code code) {
  switch (code) {
    case Code::kBadInput:
    case Code::kDataLoss:
      return LICHEN_BAD_INPUT;
    case Code::kNotFound:
      return LICHEN_NOT_FOUND;
    case Code::kUnsupported:
      return LICHEN_UNSUPPORTED;
    case Code::kExhausted:
      return LICHEN_EXHAUSTED;
    case Code::kDeadlineExceeded:
    case Code::kUnavailable:
      return LICHEN_TOO_LATE;
    case Code::kIo:
    case Code::kInternal:
      return LICHEN_FAILED;
  }
  return LICHEN_FAILED;
}

lichen_code report(lichen_error* error, lichen_code code, std::string_view text) {
  if (error == nullptr) return code;
  error->code = code;
  const std::size_t length = std::min(text.size(), sizeof error->text - 1);
  std::memcpy(error->text, text.data(), length);
  error->text[length] = '\0';
  return code;
}

lichen_code report(lichen_error* error, const Error& why) {
  return report(error, code_of(why.code), why.to_line());
}

// Calls f, which gives a Result<T>; T's default where it failed.
template <typename T, typename F>
T guarded(lichen_error* error, F f) {
  try {
    auto result = f();
    if (result) {
      report(error, LICHEN_OK, "");
      return *std::move(result);
    }
    report(error, result.error());
  } catch (const std::exception& e) {
    report(error, LICHEN_FAILED, e.what());
  }
  return T{};
}

template <typename F>
lichen_code guarded_code(lichen_error* error, F f) {
  try {
    const Result<void> result = f();
    return result ? report(error, LICHEN_OK, "") : report(error, result.error());
  } catch (const std::exception& e) {
    return report(error, LICHEN_FAILED, e.what());
  }
}

lichen_type type_of(lichen::tensor::DType dtype) {
  return static_cast<lichen_type>(dtype);  // in the same order: checked below
}
static_assert(static_cast<int>(lichen::tensor::DType::kF32) == LICHEN_F32);
static_assert(static_cast<int>(lichen::tensor::DType::kF16) == LICHEN_F16);
static_assert(static_cast<int>(lichen::tensor::DType::kI8) == LICHEN_I8);
static_assert(static_cast<int>(lichen::tensor::DType::kU8) == LICHEN_U8);
static_assert(static_cast<int>(lichen::tensor::DType::kI16) == LICHEN_I16);
static_assert(static_cast<int>(lichen::tensor::DType::kI32) == LICHEN_I32);
static_assert(static_cast<int>(lichen::tensor::DType::kI64) == LICHEN_I64);
static_assert(static_cast<int>(lichen::tensor::DType::kBool) == LICHEN_BOOL);
static_assert(lichen::tensor::kRankMax == LICHEN_RANK_MAX);

lichen_tensor info_of(const lichen::engine::TensorInfo& from) {
  lichen_tensor to{};
  to.name = from.spec.name.c_str();
  to.type = type_of(from.spec.dtype);
  to.rank = -1;
  if (from.spec.shape.known()) {
    to.rank = static_cast<std::int32_t>(from.spec.shape.rank());
    std::ranges::copy(from.spec.shape.dims(), to.dims);
    to.bytes = from.spec.bytes();
  }
  if (!from.quantization.empty() && !from.quantization.per_channel()) {
    to.scale = from.quantization.scale();
    to.zero_point = from.quantization.zero_point();
  }
  return to;
}

bool is_tflite(ByteView bytes) {
  constexpr std::size_t kIdentifierAt = 4;
  return bytes.size() >= 2 * kIdentifierAt && std::memcmp(bytes.data() + kIdentifierAt, "TFL", 3) == 0;
}

// An ONNX file says nothing at its beginning that no other file could; the first thing in it is nearly always its field 1,
// the version of the format.
bool may_be_onnx(ByteView bytes, const std::string& name) {
  constexpr std::byte kFirstField{0x08};
  if (name.ends_with(".tflite")) return false;
  return name.ends_with(".onnx") || (!bytes.empty() && bytes[0] == kFirstField);
}

Result<const OnnxPlugin*> onnx_plugin() {
  const auto library = lichen::posix::Library::open(lichen::api::kOnnxPluginFile);
  constexpr const char* kTry = "install it beside liblichen.so, or convert once: lichen convert model.onnx model.tflite";
  if (!library) return lichen::fail(Code::kUnsupported, "cannot read .onnx", {}, library.error().to_line(), kTry);
  const auto get = reinterpret_cast<const OnnxPlugin* (*)()>(library->symbol(lichen::api::kOnnxPluginSymbol));
  const OnnxPlugin* plugin = get == nullptr ? nullptr : get();
  if (plugin == nullptr || plugin->stamp != lichen::api::onnx_plugin_stamp())
    return lichen::fail(Code::kUnsupported, "cannot read .onnx", lichen::api::kOnnxPluginFile,
                        "it is of another build than liblichen.so", "install both from one build");
  return plugin;
}

Result<lichen::graph::Graph> read_model(ByteView bytes, const std::string& name) {
  if (is_tflite(bytes) || !may_be_onnx(bytes, name)) return lichen::formats::read_tflite(bytes, name);
  static const Result<const OnnxPlugin*> plugin = onnx_plugin();  // once: a library does not come later
  if (!plugin) return std::unexpected(plugin.error());
  return (*plugin)->read(bytes, name);
}

// What the reader of .onnx looked at is not needed again, but for the weights, when they are packed.
Result<lichen::graph::Graph> read_whole(const File& file, const std::string& name) {
  Result<lichen::graph::Graph> graph = read_model(file.bytes(), name);
  if (graph && file.mapped && !is_tflite(file.bytes())) file.mapped->drop_pages(file.bytes());
  return graph;
}

}  // namespace

struct lichen_model {
  std::shared_ptr<const File> file;
  std::string name;
  // A TFLite graph has nothing but what it borrows from the file, and all sessions share it. An ONNX graph owns what the
  // file has in another layout: the first session takes it, packs what it needs and lets the rest go; for others the file
  // is read again.
  bool is_shared = true;
  mutable std::mutex mutex;
  mutable std::optional<lichen::graph::Graph> graph;
};

struct lichen_session {
  std::shared_ptr<const File> file;  // goes after the session, which borrows from it
  std::unique_ptr<lichen::engine::Session> session;
};

namespace {

Result<std::unique_ptr<lichen_model>> model_of(std::shared_ptr<const File> file, const std::string& name) {
  auto model = std::make_unique<lichen_model>();
  model->graph = LICHEN_TRY(read_whole(*file, name));
  model->is_shared = is_tflite(file->bytes());
  model->file = std::move(file);
  model->name = name;
  return model;
}

Result<lichen::graph::Graph> graph_for_session(const lichen_model& model) {
  const std::lock_guard lock(model.mutex);
  if (model.is_shared) return *model.graph;
  if (!model.graph) return read_whole(*model.file, model.name);
  lichen::graph::Graph graph = *std::move(model.graph);
  model.graph.reset();
  return graph;
}

lichen::engine::SessionOptions options_for(const lichen_model& model) {
  lichen::engine::SessionOptions options;
  const std::shared_ptr<const File> file = model.file;
  if (!model.is_shared) options.read_again = [file, name = model.name] { return read_whole(*file, name); };
  if (file->mapped) options.packed = [file](ByteView bytes) { file->mapped->drop_pages(bytes); };
  return options;
}

bool has(std::size_t index, std::size_t count) {
  return index < count;
}

}  // namespace

extern "C" {

const char* lichen_version(void) {
  return LICHEN_VERSION;
}

lichen_model* lichen_model_open(const char* path, lichen_error* error) {
  return guarded<std::unique_ptr<lichen_model>>(error, [&]() -> Result<std::unique_ptr<lichen_model>> {
           if (path == nullptr) return lichen::fail(Code::kBadInput, "cannot load model", {}, "no path was given");
           auto file = std::make_shared<File>();
           file->mapped = LICHEN_TRY(lichen::posix::MappedFile::open(path, lichen::formats::kTfliteBytesMax));
           return model_of(std::move(file), path);
         })
      .release();
}

lichen_model* lichen_model_from_memory(const void* bytes, size_t size, const char* name, lichen_error* error) {
  return guarded<std::unique_ptr<lichen_model>>(error, [&]() -> Result<std::unique_ptr<lichen_model>> {
           if (bytes == nullptr) return lichen::fail(Code::kBadInput, "cannot load model", {}, "no bytes were given");
           auto file = std::make_shared<File>();
           const auto* from = static_cast<const std::byte*>(bytes);
           file->copied.assign(from, from + size);
           return model_of(std::move(file), name == nullptr ? "model" : name);
         })
      .release();
}

void lichen_model_close(lichen_model* model) {
  delete model;
}

lichen_session* lichen_session_create(const lichen_model* model, const lichen_options* options, lichen_error* error) {
  return guarded<std::unique_ptr<lichen_session>>(error, [&]() -> Result<std::unique_ptr<lichen_session>> {
           if (model == nullptr) return lichen::fail(Code::kBadInput, "cannot plan model", {}, "no model was given");
           lichen::engine::SessionOptions wanted = options_for(*model);
           if (options != nullptr && options->threads != 0) wanted.threads = options->threads;
           auto session = std::make_unique<lichen_session>();
           lichen::graph::Graph graph = LICHEN_TRY(graph_for_session(*model));
           session->session = LICHEN_TRY(lichen::engine::Session::create(std::move(graph), wanted));
           session->file = model->file;
           return session;
         })
      .release();
}

void lichen_session_close(lichen_session* session) {
  delete session;
}

size_t lichen_session_input_count(const lichen_session* session) {
  return session == nullptr ? 0 : session->session->inputs().size();
}

size_t lichen_session_output_count(const lichen_session* session) {
  return session == nullptr ? 0 : session->session->outputs().size();
}

lichen_code lichen_session_input_info(const lichen_session* session, size_t index, lichen_tensor* info) {
  if (info == nullptr || !has(index, lichen_session_input_count(session))) return LICHEN_BAD_INPUT;
  *info = info_of(session->session->inputs()[index]);
  return LICHEN_OK;
}

lichen_code lichen_session_output_info(const lichen_session* session, size_t index, lichen_tensor* info) {
  if (info == nullptr || !has(index, lichen_session_output_count(session))) return LICHEN_BAD_INPUT;
  *info = info_of(session->session->outputs()[index]);
  return LICHEN_OK;
}

lichen_code lichen_session_resize(lichen_session* session, size_t index, const int64_t* dims, int32_t rank,
                                  lichen_error* error) {
  return guarded_code(error, [&]() -> Result<void> {
    if (!has(index, lichen_session_input_count(session)) || rank < 0 || (dims == nullptr && rank > 0))
      return lichen::fail(Code::kBadInput, "cannot resize", {}, "no such input, or no shape");
    std::vector<lichen::tensor::Shape> shapes;
    for (const auto& input : session->session->inputs()) shapes.push_back(input.spec.shape);
    const std::span<const std::int64_t> wanted(dims, static_cast<std::size_t>(rank));
    shapes[index] = LICHEN_TRY(lichen::tensor::Shape::make(wanted, session->session->inputs()[index].spec.name));
    return session->session->resize(shapes);
  });
}

void* lichen_session_input(lichen_session* session, size_t index) {
  return has(index, lichen_session_input_count(session)) ? session->session->input(index).data() : nullptr;
}

const void* lichen_session_output(const lichen_session* session, size_t index) {
  return has(index, lichen_session_output_count(session)) ? session->session->output(index).data() : nullptr;
}

lichen_code lichen_session_run(lichen_session* session, int64_t timeout_us, lichen_error* error) {
  return guarded_code(error, [&]() -> Result<void> {
    if (session == nullptr) return lichen::fail(Code::kBadInput, "cannot run model", {}, "no session was given");
    if (timeout_us <= 0) return session->session->run();
    const lichen::posix::MonotonicClock clock;
    constexpr std::int64_t kTimeoutMaxUs = std::int64_t{1} << 40;
    const lichen::TimeNs span_ns = std::min(timeout_us, kTimeoutMaxUs) * lichen::kMicrosecondNs;
    return session->session->run({.clock = &clock, .deadline_ns = clock.now_ns() + span_ns});
  });
}

void lichen_session_reset(lichen_session* session) {
  if (session != nullptr) session->session->reset_state();
}

}  // extern "C"
