/* SPDX-License-Identifier: Apache-2.0 */
/* Counts allocations of the whole process, also those of libraries that it opens: these definitions come before the C
 * library's, and pass everything on to it. */
#include <errno.h>

#include <stdatomic.h>
#include <stddef.h>

#include "footprint.h"

void* __libc_malloc(size_t bytes);
void* __libc_calloc(size_t count, size_t bytes);
void* __libc_realloc(void* at, size_t bytes);
void* __libc_memalign(size_t align, size_t bytes);

static atomic_ulong count;

unsigned long allocation_count(void) {
  return atomic_load(&count);
}

void* malloc(size_t bytes) {
  atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
  return __libc_malloc(bytes);
}

void* calloc(size_t items, size_t bytes) {
  atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
  return __libc_calloc(items, bytes);
}

void* realloc(void* at, size_t bytes) {
  atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
  return __libc_realloc(at, bytes);
}

void* memalign(size_t align, size_t bytes) {
  atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
  return __libc_memalign(align, bytes);
}

void* aligned_alloc(size_t align, size_t bytes) {
  return memalign(align, bytes);
}

int posix_memalign(void** out, size_t align, size_t bytes) {
  void* at = memalign(align, bytes);
  if (at == NULL) return ENOMEM;
  *out = at;
  return 0;
}
