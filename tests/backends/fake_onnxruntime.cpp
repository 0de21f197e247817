// SPDX-License-Identifier: Apache-2.0
// A library with ONNX Runtime's interface and none of its engine, for tests of who calls it. A "model" is a script,
// line by line; what it does not ask for goes well:
//   input NAME ELEMENT DIM...    output NAME ELEMENT DIM...    as declared; -1: open
//   give DIM...                  the shape of every output of a run; without it, the first input's
//   fail PLACE CODE MESSAGE      the entry of the table at this place answers with an error
//   output_is_no_tensor          its type is a sequence
//   no_value                     a run leaves its outputs empty
//   hang                         a run goes on until it is told to stop, and then fails
//   overrun                      a run goes on until it is told to stop, and then has an answer all the same
// A run doubles floats: element i of every output is twice element i of the first input, and what else an output holds
// is 0. FAKE_VERSION and FAKE_INTERFACE say what the library claims to be.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "backends/onnxruntime/ort_api.h"

#ifndef FAKE_VERSION
#define FAKE_VERSION "1.99.0"
#endif
#ifndef FAKE_INTERFACE
#define FAKE_INTERFACE 1
#endif

namespace {

struct Status {
  int code;
  std::string message;
};

struct TensorInfo {
  int element = kOrtFloat;
  std::vector<std::int64_t> dims;
  bool is_tensor = true;
};

struct Value {
  TensorInfo info;
  std::vector<std::byte> own;
  void* data = nullptr;
};

struct Tensor {
  std::string name;
  TensorInfo info;
};

struct Session {
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::vector<std::int64_t> give;
  bool gives = false;
  bool no_value = false;
  bool hangs = false;
  bool overruns = false;
  int threads = 0;
};

struct Options {
  int threads = 0;
};

struct RunOptions {
  std::atomic<bool> stop{false};
};

// What is alive, so that a test can see that everything was released; and the errors that the script wants.
std::atomic<long> alive{0};
std::map<int, Status> failures;

OrtObject error(int code, const std::string& message) {
  ++alive;
  return new Status{code, message};
}

OrtObject failure_at(int place) {
  const auto found = failures.find(place);
  return found == failures.end() ? nullptr : error(found->second.code, found->second.message);
}

template <typename T>
T& as(OrtObject object) {
  return *static_cast<T*>(object);
}

template <typename T>
OrtObject made(T* object, OrtObject* out) {
  ++alive;
  *out = object;
  return nullptr;
}

template <typename T>
void release(OrtObject object) {
  if (object == nullptr) return;
  --alive;
  delete static_cast<T*>(object);
}

Tensor tensor_of(std::istringstream& line) {
  Tensor tensor;
  line >> tensor.name >> tensor.info.element;
  for (std::int64_t dim = 0; line >> dim;) tensor.info.dims.push_back(dim);
  return tensor;
}

OrtObject session_of(const std::string& script, const OrtObject options, OrtObject* out) {
  failures.clear();
  auto* session = new Session;
  session->threads = as<Options>(options).threads;
  std::istringstream lines(script);
  for (std::string text; std::getline(lines, text);) {
    std::istringstream line(text);
    std::string word;
    line >> word;
    if (word == "input") session->inputs.push_back(tensor_of(line));
    if (word == "output") session->outputs.push_back(tensor_of(line));
    if (word == "output_is_no_tensor") session->outputs.at(0).info.is_tensor = false;
    if (word == "no_value") session->no_value = true;
    if (word == "hang") session->hangs = true;
    if (word == "overrun") session->overruns = true;
    if (word == "give") {
      session->gives = true;
      for (std::int64_t dim = 0; line >> dim;) session->give.push_back(dim);
    }
    if (word == "fail") {
      int place = 0;
      Status status{};
      line >> place >> status.code >> std::ws;
      std::getline(line, status.message);
      failures[place] = status;
    }
  }
  for (const int place : {kOrtCreateSession, kOrtCreateSessionFromArray}) {
    if (const OrtObject failed = failure_at(place); failed != nullptr) {
      delete session;
      return failed;
    }
  }
  return made(session, out);
}

// The entries.
int get_error_code(OrtObject status) {
  return as<Status>(status).code;
}
const char* get_error_message(OrtObject status) {
  return as<Status>(status).message.c_str();
}

OrtObject create_env(int, const char*, OrtObject* out) {
  return made(new int, out);
}

OrtObject create_session(OrtObject, const char* path, OrtObject options, OrtObject* out) {
  std::ifstream file(path);
  if (!file) return error(kOrtNoSuchFile, std::string("no file ") + path);
  std::stringstream text;
  text << file.rdbuf();
  return session_of(text.str(), options, out);
}

OrtObject create_session_from_array(OrtObject, const void* bytes, size_t size, OrtObject options, OrtObject* out) {
  return session_of(std::string(static_cast<const char*>(bytes), size), options, out);
}

size_t elements_of(const std::vector<std::int64_t>& dims) {
  size_t elements = 1;
  for (const std::int64_t dim : dims) elements *= static_cast<size_t>(dim);
  return elements;
}

size_t bytes_of(int element) {
  switch (element) {
    case kOrtFloat:
    case kOrtInt32:
      return 4;
    case kOrtInt64:
      return 8;
    case kOrtInt16:
    case kOrtFloat16:
      return 2;
    default:
      return 1;
  }
}

void double_floats(const Value& from, Value& to) {
  if (from.info.element != kOrtFloat || to.info.element != kOrtFloat) return;
  const size_t count = std::min(elements_of(from.info.dims), elements_of(to.info.dims));
  const auto* in = static_cast<const float*>(from.data);
  auto* out = static_cast<float*>(to.data);
  for (size_t i = 0; i < count; ++i) out[i] = 2 * in[i];
}

OrtObject run(OrtObject at, OrtObject run_options, const char* const* input_names, const OrtObject* inputs,
              size_t input_count, const char* const* output_names, size_t output_count, OrtObject* outputs) {
  const Session& session = as<Session>(at);
  if (const OrtObject failed = failure_at(kOrtRun); failed != nullptr) return failed;
  for (size_t i = 0; i < input_count; ++i) {
    if (session.inputs.at(i).name != input_names[i]) return error(kOrtInvalidArgument, "inputs are not in order");
  }
  while ((session.hangs || session.overruns) && !as<RunOptions>(run_options).stop)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (as<RunOptions>(run_options).stop && !session.overruns) return error(kOrtFail, "told to stop");
  if (session.no_value) return nullptr;
  for (size_t i = 0; i < output_count; ++i) {
    if (session.outputs.at(i).name != output_names[i]) return error(kOrtInvalidArgument, "outputs are not in order");
    auto* value = new Value{session.outputs[i].info, {}, nullptr};
    value->info.dims = session.gives ? session.give : as<Value>(inputs[0]).info.dims;
    value->own.resize(elements_of(value->info.dims) * bytes_of(value->info.element));
    value->data = value->own.data();
    double_floats(as<Value>(inputs[0]), *value);
    made(value, &outputs[i]);
  }
  return nullptr;
}

OrtObject create_session_options(OrtObject* out) {
  return made(new Options, out);
}
OrtObject set_threads(OrtObject options, int threads) {
  as<Options>(options).threads = threads;
  return threads == 7 ? error(kOrtFail, "seven threads bring bad luck") : nullptr;
}
OrtObject set_inter_threads(OrtObject, int) {
  return nullptr;
}
OrtObject input_count(OrtObject session, size_t* out) {
  *out = as<Session>(session).inputs.size();
  return failure_at(kOrtSessionGetInputCount);
}
OrtObject output_count(OrtObject session, size_t* out) {
  *out = as<Session>(session).outputs.size();
  return nullptr;
}
OrtObject input_type(OrtObject session, size_t i, OrtObject* out) {
  return made(new TensorInfo(as<Session>(session).inputs.at(i).info), out);
}
OrtObject output_type(OrtObject session, size_t i, OrtObject* out) {
  return made(new TensorInfo(as<Session>(session).outputs.at(i).info), out);
}
OrtObject name_of(const std::string& name, char** out) {
  ++alive;
  *out = ::strdup(name.c_str());
  return nullptr;
}
OrtObject input_name(OrtObject session, size_t i, OrtObject, char** out) {
  return name_of(as<Session>(session).inputs.at(i).name, out);
}
OrtObject output_name(OrtObject session, size_t i, OrtObject, char** out) {
  return name_of(as<Session>(session).outputs.at(i).name, out);
}
OrtObject create_run_options(OrtObject* out) {
  return made(new RunOptions, out);
}
OrtObject set_terminate(OrtObject options) {
  as<RunOptions>(options).stop = true;
  return nullptr;
}
OrtObject unset_terminate(OrtObject options) {
  as<RunOptions>(options).stop = false;
  return nullptr;
}
OrtObject wrap(OrtObject, void* data, size_t bytes, const std::int64_t* shape, size_t rank, int element,
               OrtObject* out) {
  auto* value = new Value{{element, {shape, shape + rank}, true}, {}, data};
  if (elements_of(value->info.dims) * bytes_of(element) > bytes) {
    delete value;
    return error(kOrtInvalidArgument, "the memory is too small for the shape");
  }
  return made(value, out);
}
OrtObject data_of(OrtObject value, void** out) {
  *out = as<Value>(value).data;
  return nullptr;
}
OrtObject cast_to_tensor(OrtObject type, OrtObject* out) {
  *out = as<TensorInfo>(type).is_tensor ? type : nullptr;
  return nullptr;
}
OrtObject element_of(OrtObject info, int* out) {
  *out = as<TensorInfo>(info).element;
  return nullptr;
}
OrtObject dimensions_count(OrtObject info, size_t* out) {
  *out = as<TensorInfo>(info).dims.size();
  return nullptr;
}
OrtObject dimensions(OrtObject info, std::int64_t* out, size_t count) {
  std::copy_n(as<TensorInfo>(info).dims.begin(), count, out);
  return nullptr;
}
OrtObject info_of_value(OrtObject value, OrtObject* out) {
  return made(new TensorInfo(as<Value>(value).info), out);
}
OrtObject create_memory_info(int, int, OrtObject* out) {
  return made(new int, out);
}
OrtObject allocator_free(OrtObject, void* at) {
  --alive;
  std::free(at);
  return nullptr;
}
OrtObject default_allocator(OrtObject* out) {
  static int allocator;
  *out = &allocator;
  return nullptr;
}

// An entry that this library has not: nobody may call it.
void not_here() {
  std::abort();
}

OrtTable make_table() {
  OrtTable table{};
  for (void*& entry : table.entries) entry = reinterpret_cast<void*>(not_here);
  const auto set = [&](int place, auto* function) { table.entries[place] = reinterpret_cast<void*>(function); };
  set(kOrtGetErrorCode, get_error_code);
  set(kOrtGetErrorMessage, get_error_message);
  set(kOrtCreateEnv, create_env);
  set(kOrtCreateSession, create_session);
  set(kOrtCreateSessionFromArray, create_session_from_array);
  set(kOrtRun, run);
  set(kOrtCreateSessionOptions, create_session_options);
  set(kOrtSetIntraOpNumThreads, set_threads);
  set(kOrtSetInterOpNumThreads, set_inter_threads);
  set(kOrtSessionGetInputCount, input_count);
  set(kOrtSessionGetOutputCount, output_count);
  set(kOrtSessionGetInputTypeInfo, input_type);
  set(kOrtSessionGetOutputTypeInfo, output_type);
  set(kOrtSessionGetInputName, input_name);
  set(kOrtSessionGetOutputName, output_name);
  set(kOrtCreateRunOptions, create_run_options);
  set(kOrtRunOptionsSetTerminate, set_terminate);
  set(kOrtRunOptionsUnsetTerminate, unset_terminate);
  set(kOrtCreateTensorWithDataAsOrtValue, wrap);
  set(kOrtGetTensorMutableData, data_of);
  set(kOrtCastTypeInfoToTensorInfo, cast_to_tensor);
  set(kOrtGetTensorElementType, element_of);
  set(kOrtGetDimensionsCount, dimensions_count);
  set(kOrtGetDimensions, dimensions);
  set(kOrtGetTensorTypeAndShape, info_of_value);
  set(kOrtCreateCpuMemoryInfo, create_memory_info);
  set(kOrtAllocatorFree, allocator_free);
  set(kOrtGetAllocatorWithDefaultOptions, default_allocator);
  set(kOrtReleaseEnv, release<int>);
  set(kOrtReleaseStatus, release<Status>);
  set(kOrtReleaseMemoryInfo, release<int>);
  set(kOrtReleaseSession, release<Session>);
  set(kOrtReleaseValue, release<Value>);
  set(kOrtReleaseRunOptions, release<RunOptions>);
  set(kOrtReleaseTypeInfo, release<TensorInfo>);
  set(kOrtReleaseTensorInfo, release<TensorInfo>);
  set(kOrtReleaseSessionOptions, release<Options>);
  return table;
}

const OrtTable* get_api(std::uint32_t version) {
  static const OrtTable table = make_table();
  return version == FAKE_INTERFACE ? &table : nullptr;
}

const char* get_version_string() {
  return FAKE_VERSION;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) const OrtBase* OrtGetApiBase() {
  static const OrtBase base{get_api, get_version_string};
  return &base;
}

// Objects that were made and not released.
extern "C" __attribute__((visibility("default"))) long fake_alive() {
  return alive;
}
