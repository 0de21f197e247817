// SPDX-License-Identifier: Apache-2.0
#include "posix/library.hpp"

#include <dlfcn.h>

namespace lichen::posix {

Result<Library> Library::open(const std::string& file) {
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return Library(handle);
  const char* why = ::dlerror();
  return fail(Code::kNotFound, "cannot load library", file, why == nullptr ? "no reason was given" : why);
}

void* Library::symbol(const char* name) const {
  return ::dlsym(handle_, name);
}

Result<void*> Libraries::find(const std::string& file, const char* symbol) {
  const Library library = LICHEN_TRY(Library::open(file));
  void* found = library.symbol(symbol);
  if (found != nullptr) return found;
  return fail(Code::kNotFound, "cannot use library", file, std::string("it has no ") + symbol);
}

}  // namespace lichen::posix
