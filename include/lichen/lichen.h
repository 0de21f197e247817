/* SPDX-License-Identifier: Apache-2.0
 *
 * Lichen: models on devices that keep answering. The C interface: load a model, plan it, run it.
 *
 *   lichen_model* model = lichen_model_open("model.tflite", &error);
 *   lichen_session* session = lichen_session_create(model, NULL, &error);
 *   memcpy(lichen_session_input(session, 0), pixels, bytes);
 *   lichen_session_run(session, 0, &error);
 *   const float* scores = lichen_session_output(session, 0);
 *
 * Ownership: whoever creates an object destroys it; a session keeps what it needs of its model, so the model may go
 * first. Threads: different sessions may run at the same time, also of one model; one session is used by one thread at a
 * time. Errors: a function that can fail says so in its result and, where `error` is not NULL, fills it in. Nothing here
 * throws, exits or prints. Model files and inputs may be anything; a hostile file is refused, with a reason.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LICHEN_API __attribute__((visibility("default")))
#else
#define LICHEN_API
#endif

typedef enum lichen_code {
  LICHEN_OK = 0,
  LICHEN_BAD_INPUT = 1,   /* the file, the shape or the values cannot be worked with */
  LICHEN_NOT_FOUND = 2,   /* there is no such file */
  LICHEN_UNSUPPORTED = 3, /* sound, but not computed here: an operator, a type, a CPU */
  LICHEN_EXHAUSTED = 4,   /* more than a limit allows */
  LICHEN_TOO_LATE = 5,    /* the deadline passed, or the run was cancelled */
  LICHEN_FAILED = 6       /* the operating system refused, or Lichen has a bug */
} lichen_code;

/* One line: what failed, where, why, and what to do. Cut off where it is longer. */
typedef struct lichen_error {
  lichen_code code;
  char text[1020];
} lichen_error;

typedef enum lichen_type {
  LICHEN_F32 = 0,
  LICHEN_F16 = 1,
  LICHEN_I8 = 2,
  LICHEN_U8 = 3,
  LICHEN_I16 = 4,
  LICHEN_I32 = 5,
  LICHEN_I64 = 6,
  LICHEN_BOOL = 7
} lichen_type;

#define LICHEN_RANK_MAX 8

/* An input or output: dense, row-major; images in the layout of the model's file. Integers with a scale mean
 * scale * (stored - zero_point); scale is 0 where the tensor is not quantized. */
typedef struct lichen_tensor {
  const char* name; /* lives as long as the session */
  lichen_type type;
  int32_t rank; /* -1: the shape depends on values and is known after a run */
  int64_t dims[LICHEN_RANK_MAX];
  size_t bytes;
  float scale;
  int32_t zero_point;
} lichen_tensor;

typedef struct lichen_model lichen_model;
typedef struct lichen_session lichen_session;

/* "0.1.0" */
LICHEN_API const char* lichen_version(void);

/* Reads and checks a model file: .tflite, and .onnx where liblichen_onnx.so is installed beside liblichen.so. The file is mapped, not copied:
 * it must not be changed while the model or a session of it lives (replace it by renaming another one over it).
 * NULL on failure. */
LICHEN_API lichen_model* lichen_model_open(const char* path, lichen_error* error);
/* The same from `size` bytes of memory, which are copied. `name` is for errors. */
LICHEN_API lichen_model* lichen_model_from_memory(const void* bytes, size_t size, const char* name,
                                                  lichen_error* error);
LICHEN_API void lichen_model_close(lichen_model* model); /* NULL is fine */

typedef struct lichen_options {
  int32_t threads; /* 0 or 1: only the caller's; at most 16 */
} lichen_options;

/* Plans the model: picks kernels, packs weights, places all tensors. `options` may be NULL. NULL on failure. */
LICHEN_API lichen_session* lichen_session_create(const lichen_model* model, const lichen_options* options,
                                                 lichen_error* error);
LICHEN_API void lichen_session_close(lichen_session* session); /* NULL is fine */

LICHEN_API size_t lichen_session_input_count(const lichen_session* session);
LICHEN_API size_t lichen_session_output_count(const lichen_session* session);
/* LICHEN_BAD_INPUT where there is no such input or output. */
LICHEN_API lichen_code lichen_session_input_info(const lichen_session* session, size_t index, lichen_tensor* info);
LICHEN_API lichen_code lichen_session_output_info(const lichen_session* session, size_t index, lichen_tensor* info);

/* Plans anew for another shape of input `index`, of the same rank. All pointers to tensors are worth nothing after that;
 * on failure everything stays as it was. */
LICHEN_API lichen_code lichen_session_resize(lichen_session* session, size_t index, const int64_t* dims, int32_t rank,
                                             lichen_error* error);

/* Where to write input `index`: info.bytes of them, aligned to 64. A run leaves them as they are. NULL: no such input. */
LICHEN_API void* lichen_session_input(lichen_session* session, size_t index);
/* Where to read output `index` after a run. NULL: no such output. */
LICHEN_API const void* lichen_session_output(const lichen_session* session, size_t index);

/* Runs the model once. Nothing is allocated, unless shapes depend on values and have changed. `timeout_us` above 0: give
 * up between two layers once so many microseconds have passed (LICHEN_TOO_LATE; the outputs are worth nothing then). */
LICHEN_API lichen_code lichen_session_run(lichen_session* session, int64_t timeout_us, lichen_error* error);

/* Puts the state of a streaming model back to its beginning. */
LICHEN_API void lichen_session_reset(lichen_session* session);

#ifdef __cplusplus
}
#endif
