/* SPDX-License-Identifier: Apache-2.0
 * Classifies one input by a model whose input and output are f32: classify MODEL < input.raw
 * cc classify.c $(pkg-config --cflags --libs lichen) */
#include <stdio.h>

#include <lichen/lichen.h>

int main(int argc, char** argv) {
  lichen_error error;
  lichen_tensor in;
  lichen_tensor out;
  if (argc != 2) return fprintf(stderr, "usage: %s MODEL < input.raw\n", argv[0]), 2;
  lichen_model* model = lichen_model_open(argv[1], &error);
  if (model == NULL) return fprintf(stderr, "%s\n", error.text), 3;
  lichen_session* session = lichen_session_create(model, NULL, &error);
  lichen_model_close(model);
  if (session == NULL) return fprintf(stderr, "%s\n", error.text), 3;

  if (lichen_session_input_info(session, 0, &in) != LICHEN_OK ||
      lichen_session_output_info(session, 0, &out) != LICHEN_OK || in.type != LICHEN_F32 || out.type != LICHEN_F32) {
    return fprintf(stderr, "this example wants f32 in and out\n"), 4;
  }
  if (fread(lichen_session_input(session, 0), 1, in.bytes, stdin) != in.bytes)
    return fprintf(stderr, "the input takes %zu bytes\n", in.bytes), 3;
  if (lichen_session_run(session, 0, &error) != LICHEN_OK) return fprintf(stderr, "%s\n", error.text), 1;

  const float* scores = lichen_session_output(session, 0);
  size_t best = 0;
  for (size_t i = 1; i < out.bytes / sizeof(float); ++i) {
    if (scores[i] > scores[best]) best = i;
  }
  printf("class %zu, score %.4f\n", best, (double)scores[best]);
  lichen_session_close(session);
  return 0;
}
