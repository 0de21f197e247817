/* SPDX-License-Identifier: Apache-2.0 */
/* The footprint of Lichen through its C interface, all defaults (one thread). ARGUMENT is not used. */
#include <stdlib.h>
#include <string.h>

#include "footprint.h"
#include "lichen/lichen.h"

typedef struct {
  lichen_model* model;
  lichen_session* session;
} Model;

static lichen_error error;

void engine_open(const char* argument) {
  (void)argument;
}

void* engine_load(const char* path) {
  Model* loaded = malloc(sizeof(Model));
  if (loaded == NULL) footprint_die("out of memory", "malloc");
  loaded->model = lichen_model_open(path, &error);
  if (loaded->model == NULL) footprint_die("cannot load the model", error.text);
  loaded->session = lichen_session_create(loaded->model, NULL, &error);
  if (loaded->session == NULL) footprint_die("cannot plan the model", error.text);
  for (size_t i = 0; i < lichen_session_input_count(loaded->session); ++i) {
    lichen_tensor info;
    lichen_session_input_info(loaded->session, i, &info);
    memset(lichen_session_input(loaded->session, i), 0, info.bytes);
  }
  return loaded;
}

void engine_run(void* loaded) {
  if (lichen_session_run(((Model*)loaded)->session, 0, &error) != LICHEN_OK) footprint_die("cannot run", error.text);
}

void engine_unload(void* loaded) {
  lichen_session_close(((Model*)loaded)->session);
  lichen_model_close(((Model*)loaded)->model);
  free(loaded);
}
