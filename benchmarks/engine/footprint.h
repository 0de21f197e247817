/* SPDX-License-Identifier: Apache-2.0 */
/* What footprint.c asks of the engine that it is linked with. All of these end the process with a message on failure.
 */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

/* Before anything else; argument is what the engine needs to be found, or "". */
void engine_open(const char* argument);
/* A loaded model with one thread and with all inputs written. */
void* engine_load(const char* path);
void engine_run(void* model);
void engine_unload(void* model);

/* {"error": ...} on stdout, and the end. */
void footprint_die(const char* what, const char* why);

/* How often memory was allocated so far, by whomever in this process. */
unsigned long allocation_count(void);

#ifdef __cplusplus
}
#endif
