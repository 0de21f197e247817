/* SPDX-License-Identifier: Apache-2.0 */
/* The footprint of ONNX Runtime through its C interface, all defaults but one thread. ARGUMENT is its shared library.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "backends/onnxruntime/ort_api.h"
#include "footprint.h"

enum { kTensorsMax = 8, kRankMax = 8 };

static const OrtTable* api;
static OrtObject env;

typedef struct {
  char* names[kTensorsMax];
  OrtObject values[kTensorsMax];
  void* bytes[kTensorsMax];
  size_t count;
} Tensors;

typedef struct {
  OrtObject session;
  OrtObject memory;
  Tensors inputs;
  Tensors outputs;
} Model;

static void check(OrtObject status) {
  if (status != NULL) footprint_die("ONNX Runtime", ((OrtMessageFn)api->entries[kOrtGetErrorMessage])(status));
}

static void* zeros(size_t bytes) {
  void* at = malloc(bytes);
  if (at == NULL) footprint_die("out of memory", "malloc");
  return memset(at, 0, bytes);
}

void engine_open(const char* library) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL) footprint_die("cannot open ONNX Runtime", dlerror());
  const OrtGetBase get_base = (OrtGetBase)dlsym(handle, "OrtGetApiBase");
  if (get_base == NULL) footprint_die("not ONNX Runtime", library);
  api = get_base()->get_api(kOrtVersion);
  if (api == NULL) footprint_die("ONNX Runtime has no interface of version 1", library);
  check(((OrtCreateEnvFn)api->entries[kOrtCreateEnv])(kOrtWarnings, "footprint", &env));
}

/* Tensor i of the inputs or outputs: its type asked of the session, its bytes ours. */
static void place(Model* model, Tensors* to, size_t i, int name_place, int type_place) {
  OrtObject allocator = NULL, type = NULL, info = NULL;
  int64_t shape[kRankMax];
  size_t rank = 0, bytes = 1;
  int element = 0;
  check(((OrtMakeFn)api->entries[kOrtGetAllocatorWithDefaultOptions])(&allocator));
  check(((OrtNameFn)api->entries[name_place])(model->session, i, allocator, &to->names[i]));
  check(((OrtTypeInfoFn)api->entries[type_place])(model->session, i, &type));
  check(((OrtCastFn)api->entries[kOrtCastTypeInfoToTensorInfo])(type, &info));
  check(((OrtElementFn)api->entries[kOrtGetTensorElementType])(info, &element));
  check(((OrtCountFn)api->entries[kOrtGetDimensionsCount])(info, &rank));
  if (rank > kRankMax) footprint_die("a tensor of high rank", to->names[i]);
  check(((OrtDimensionsFn)api->entries[kOrtGetDimensions])(info, shape, rank));
  for (size_t axis = 0; axis < rank; ++axis) bytes *= (size_t)shape[axis];
  bytes *= element == kOrtFloat ? 4 : element == kOrtInt64 ? 8 : 1;
  to->bytes[i] = zeros(bytes);
  check(((OrtWrapFn)api->entries[kOrtCreateTensorWithDataAsOrtValue])(model->memory, to->bytes[i], bytes, shape, rank,
                                                                      element, &to->values[i]));
  ((OrtReleaseFn)api->entries[kOrtReleaseTypeInfo])(type);
}

static void place_all(Model* model, Tensors* to, int count_place, int name_place, int type_place) {
  check(((OrtCountFn)api->entries[count_place])(model->session, &to->count));
  if (to->count > kTensorsMax) footprint_die("too many inputs or outputs", "");
  for (size_t i = 0; i < to->count; ++i) place(model, to, i, name_place, type_place);
}

void* engine_load(const char* path) {
  Model* model = zeros(sizeof(Model));
  OrtObject options = NULL;
  check(((OrtMakeFn)api->entries[kOrtCreateSessionOptions])(&options));
  check(((OrtSetNumberFn)api->entries[kOrtSetIntraOpNumThreads])(options, 1));
  check(((OrtCreateSessionFn)api->entries[kOrtCreateSession])(env, path, options, &model->session));
  ((OrtReleaseFn)api->entries[kOrtReleaseSessionOptions])(options);
  check(
      ((OrtMemoryInfoFn)api->entries[kOrtCreateCpuMemoryInfo])(kOrtArenaAllocator, kOrtMemTypeDefault, &model->memory));
  place_all(model, &model->inputs, kOrtSessionGetInputCount, kOrtSessionGetInputName, kOrtSessionGetInputTypeInfo);
  place_all(model, &model->outputs, kOrtSessionGetOutputCount, kOrtSessionGetOutputName, kOrtSessionGetOutputTypeInfo);
  return model;
}

void engine_run(void* loaded) {
  Model* m = loaded;
  check(((OrtRunFn)api->entries[kOrtRun])(m->session, NULL, (const char* const*)m->inputs.names, m->inputs.values,
                                          m->inputs.count, (const char* const*)m->outputs.names, m->outputs.count,
                                          m->outputs.values));
}

static void release(Tensors* tensors) {
  OrtObject allocator = NULL;
  check(((OrtMakeFn)api->entries[kOrtGetAllocatorWithDefaultOptions])(&allocator));
  for (size_t i = 0; i < tensors->count; ++i) {
    ((OrtReleaseFn)api->entries[kOrtReleaseValue])(tensors->values[i]);
    free(tensors->bytes[i]);
    check(((OrtFreeFn)api->entries[kOrtAllocatorFree])(allocator, tensors->names[i]));
  }
}

void engine_unload(void* loaded) {
  Model* model = loaded;
  release(&model->inputs);
  release(&model->outputs);
  ((OrtReleaseFn)api->entries[kOrtReleaseMemoryInfo])(model->memory);
  ((OrtReleaseFn)api->entries[kOrtReleaseSession])(model->session);
  free(model);
}
