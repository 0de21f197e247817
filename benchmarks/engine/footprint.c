/* SPDX-License-Identifier: Apache-2.0 */
/* What a program costs that loads a model and runs it, with the engine it is linked with:
 *   footprint_ENGINE ARGUMENT MODEL CYCLES
 * prints one JSON object: the most memory that was resident after loading and ten runs, allocations a run, and how much
 * the process grew over CYCLES more of loading, running and unloading (after as many to warm up). */
#include "footprint.h"

#include <stdlib.h>
#include <string.h>

#include <stdio.h>

enum { kRuns = 10, kLooks = 100 };

void footprint_die(const char* what, const char* why) {
  printf("{\"error\": \"%s\"}\n", what);
  fprintf(stderr, "footprint: %s: %s\n", what, why);
  exit(1);
}

/* A line of /proc/self/status, in KiB. The high-water mark of getrusage() would be that of the parent before exec. */
static long status_kb(const char* key) {
  char line[256];
  long kb = -1;
  FILE* file = fopen("/proc/self/status", "r");
  if (file == NULL) footprint_die("no /proc/self/status", key);
  while (kb < 0 && fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, key, strlen(key)) == 0) kb = strtol(line + strlen(key), NULL, 10);
  }
  fclose(file);
  return kb;
}

/* The most that was resident after one of the last cycles: a single look depends on which pages of the file happen to be
 * there, by 2 % of a small process. */
static long cycles(const char* path, long count) {
  long most_kb = 0;
  for (long i = 0; i < count; ++i) {
    void* model = engine_load(path);
    engine_run(model);
    engine_unload(model);
    const long now_kb = i + kLooks < count ? 0 : status_kb("VmRSS:");
    if (now_kb > most_kb) most_kb = now_kb;
  }
  return most_kb;
}

int main(int argc, char** argv) {
  if (argc != 4) footprint_die("usage", "footprint_ENGINE ARGUMENT MODEL CYCLES");
  engine_open(argv[1]);
  void* model = engine_load(argv[2]);
  engine_run(model); /* the first one may still place things */
  const unsigned long before = allocation_count();
  for (int i = 0; i < kRuns; ++i) engine_run(model);
  const unsigned long allocations = allocation_count() - before;
  const long peak_kb = status_kb("VmHWM:");
  engine_unload(model);
  const long count = strtol(argv[3], NULL, 10);
  const long warm_kb = cycles(argv[2], count);
  const long end_kb = cycles(argv[2], count);
  printf("{\"peak_kb\": %ld, \"allocations_per_run\": %.1f, \"cycles\": %ld, \"warm_kb\": %ld, \"end_kb\": %ld}\n",
         peak_kb, (double)allocations / kRuns, count, warm_kb, end_kb);
  return 0;
}
