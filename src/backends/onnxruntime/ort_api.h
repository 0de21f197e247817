/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of ONNX Runtime's C interface that Lichen calls, by their place in its table of functions. The interface
 * promises that the order of a released version never changes; these are all of version 1. A library is found at run
 * time, so that nothing of it is needed to build. C and C++. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* All of its objects are opaque. A status is null where all went well. */
typedef void* OrtObject;

enum {
  kOrtVersion = 1,
  kOrtGetErrorCode = 1,
  kOrtGetErrorMessage = 2,
  kOrtCreateEnv = 3,
  kOrtCreateSession = 7,
  kOrtCreateSessionFromArray = 8,
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
  kOrtCreateRunOptions = 39,
  kOrtRunOptionsSetTerminate = 46,
  kOrtRunOptionsUnsetTerminate = 47,
  kOrtCreateTensorWithDataAsOrtValue = 49,
  kOrtGetTensorMutableData = 51,
  kOrtCastTypeInfoToTensorInfo = 55,
  kOrtGetTensorElementType = 60,
  kOrtGetDimensionsCount = 61,
  kOrtGetDimensions = 62,
  kOrtGetTensorTypeAndShape = 65,
  kOrtCreateCpuMemoryInfo = 69,
  kOrtAllocatorFree = 76,
  kOrtGetAllocatorWithDefaultOptions = 78,
  kOrtReleaseEnv = 92,
  kOrtReleaseStatus = 93,
  kOrtReleaseMemoryInfo = 94,
  kOrtReleaseSession = 95,
  kOrtReleaseValue = 96,
  kOrtReleaseRunOptions = 97,
  kOrtReleaseTypeInfo = 98,
  kOrtReleaseTensorInfo = 99,
  kOrtReleaseSessionOptions = 100
};

enum {
  kOrtFloat = 1,
  kOrtUint8 = 2,
  kOrtInt8 = 3,
  kOrtInt16 = 5,
  kOrtInt32 = 6,
  kOrtInt64 = 7,
  kOrtBool = 9,
  kOrtFloat16 = 10
};
enum { kOrtWarnings = 2, kOrtErrors = 3, kOrtArenaAllocator = 1, kOrtMemTypeDefault = 0 };

/* What a status says. */
enum {
  kOrtFail = 1,
  kOrtInvalidArgument = 2,
  kOrtNoSuchFile = 3,
  kOrtRuntimeException = 6,
  kOrtInvalidProtobuf = 7,
  kOrtNotImplemented = 9,
  kOrtInvalidGraph = 10
};

typedef struct OrtTable {
  void* entries[101];
} OrtTable;

typedef struct OrtBase {
  const OrtTable* (*get_api)(uint32_t version);
  const char* (*get_version_string)(void);
} OrtBase;

typedef const OrtBase* (*OrtGetBase)(void); /* the library's one symbol: OrtGetApiBase */

typedef int (*OrtCodeFn)(OrtObject status);
typedef const char* (*OrtMessageFn)(OrtObject status);
typedef OrtObject (*OrtCreateEnvFn)(int level, const char* name, OrtObject* out);
typedef OrtObject (*OrtCreateSessionFn)(OrtObject env, const char* path, OrtObject options, OrtObject* out);
typedef OrtObject (*OrtCreateFromArrayFn)(OrtObject env, const void* bytes, size_t size, OrtObject options,
                                          OrtObject* out);
typedef OrtObject (*OrtRunFn)(OrtObject session, OrtObject run_options, const char* const* input_names,
                              const OrtObject* inputs, size_t input_count, const char* const* output_names,
                              size_t output_count, OrtObject* outputs);
typedef OrtObject (*OrtMakeFn)(OrtObject* out); /* options of sessions and runs, allocator */
typedef OrtObject (*OrtSetFn)(OrtObject options);
typedef OrtObject (*OrtSetNumberFn)(OrtObject options, int number);
typedef OrtObject (*OrtCountFn)(OrtObject of, size_t* out); /* inputs, outputs, dimensions */
typedef OrtObject (*OrtTypeInfoFn)(OrtObject session, size_t index, OrtObject* out);
typedef OrtObject (*OrtNameFn)(OrtObject session, size_t index, OrtObject allocator, char** out);
typedef OrtObject (*OrtWrapFn)(OrtObject memory_info, void* data, size_t bytes, const int64_t* shape, size_t rank,
                               int element, OrtObject* out);
typedef OrtObject (*OrtDataFn)(OrtObject value, void** out);                 /* not owned */
typedef OrtObject (*OrtCastFn)(OrtObject type_info, OrtObject* tensor_info); /* not owned; null: no tensor */
typedef OrtObject (*OrtValueInfoFn)(OrtObject value, OrtObject* tensor_info);
typedef OrtObject (*OrtElementFn)(OrtObject tensor_info, int* out);
typedef OrtObject (*OrtDimensionsFn)(OrtObject tensor_info, int64_t* out, size_t count);
typedef OrtObject (*OrtMemoryInfoFn)(int allocator, int memory, OrtObject* out);
typedef void (*OrtReleaseFn)(OrtObject object);
typedef OrtObject (*OrtFreeFn)(OrtObject allocator, void* at);
