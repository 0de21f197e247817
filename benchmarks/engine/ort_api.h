/* SPDX-License-Identifier: Apache-2.0 */
/* The few entries of ONNX Runtime's C interface that the benchmarks call, by their place in its table of functions. The
 * interface promises that the order of a released version never changes; these are all of version 1. A library is found
 * at run time, so that nothing of it is needed to build. C and C++. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* All of its objects are opaque. A status is null where all went well. */
typedef void* OrtObject;

enum {
  kOrtVersion = 1,
  kOrtGetErrorMessage = 2,
  kOrtCreateEnv = 3,
  kOrtCreateSession = 7,
  kOrtRun = 9,
  kOrtCreateSessionOptions = 10,
  kOrtSetIntraOpNumThreads = 24,
  kOrtSetInterOpNumThreads = 25,
  kOrtSessionGetInputCount = 30,
  kOrtSessionGetOutputCount = 31,
  kOrtSessionGetInputTypeInfo = 33,
  kOrtSessionGetOutputTypeInfo = 34,
  kOrtSessionGetInputName = 36,
  kOrtSessionGetOutputName = 37,
  kOrtCreateTensorWithDataAsOrtValue = 49,
  kOrtCastTypeInfoToTensorInfo = 55,
  kOrtGetTensorElementType = 60,
  kOrtGetDimensionsCount = 61,
  kOrtGetDimensions = 62,
  kOrtCreateCpuMemoryInfo = 69,
  kOrtAllocatorFree = 76,
  kOrtGetAllocatorWithDefaultOptions = 78,
  kOrtReleaseEnv = 92,
  kOrtReleaseMemoryInfo = 94,
  kOrtReleaseSession = 95,
  kOrtReleaseValue = 96,
  kOrtReleaseTypeInfo = 98,
  kOrtReleaseSessionOptions = 100
};

enum { kOrtFloat = 1, kOrtUint8 = 2, kOrtInt8 = 3, kOrtInt32 = 6, kOrtInt64 = 7, kOrtBool = 9 };
enum { kOrtWarnings = 2, kOrtArenaAllocator = 1, kOrtMemTypeDefault = 0 };

typedef struct OrtTable {
  void* entries[101];
} OrtTable;

typedef struct OrtBase {
  const OrtTable* (*get_api)(uint32_t version);
  const char* (*get_version_string)(void);
} OrtBase;

typedef const OrtBase* (*OrtGetBase)(void); /* the library's one symbol: OrtGetApiBase */

typedef const char* (*OrtMessageFn)(OrtObject status);
typedef OrtObject (*OrtCreateEnvFn)(int level, const char* name, OrtObject* out);
typedef OrtObject (*OrtCreateSessionFn)(OrtObject env, const char* path, OrtObject options, OrtObject* out);
typedef OrtObject (*OrtRunFn)(OrtObject session, OrtObject run_options, const char* const* input_names,
                              const OrtObject* inputs, size_t input_count, const char* const* output_names,
                              size_t output_count, OrtObject* outputs);
typedef OrtObject (*OrtMakeFn)(OrtObject* out); /* options, allocator */
typedef OrtObject (*OrtSetNumberFn)(OrtObject options, int number);
typedef OrtObject (*OrtCountFn)(OrtObject of, size_t* out); /* inputs, outputs, dimensions */
typedef OrtObject (*OrtTypeInfoFn)(OrtObject session, size_t index, OrtObject* out);
typedef OrtObject (*OrtNameFn)(OrtObject session, size_t index, OrtObject allocator, char** out);
typedef OrtObject (*OrtWrapFn)(OrtObject memory_info, void* data, size_t bytes, const int64_t* shape, size_t rank,
                               int element, OrtObject* out);
typedef OrtObject (*OrtCastFn)(OrtObject type_info, OrtObject* tensor_info); /* not owned */
typedef OrtObject (*OrtElementFn)(OrtObject tensor_info, int* out);
typedef OrtObject (*OrtDimensionsFn)(OrtObject tensor_info, int64_t* out, size_t count);
typedef OrtObject (*OrtMemoryInfoFn)(int allocator, int memory, OrtObject* out);
typedef void (*OrtReleaseFn)(OrtObject object);
typedef OrtObject (*OrtFreeFn)(OrtObject allocator, void* at);
