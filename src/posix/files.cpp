// SPDX-License-Identifier: Apache-2.0
#include "posix/files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

namespace lichen::posix {

Result<Bytes> read_file(const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file)
    return fail(Code::kNotFound, "cannot read", path, std::strerror(errno), "check the path and its permissions");
  const std::streamoff size = file.tellg();
  if (size < 0 || static_cast<std::size_t>(size) > bytes_max) {
    return fail(Code::kBadInput, "cannot read", path,
                fmt::format("it has more than {} bytes, or is no file", bytes_max));
  }
  Bytes content(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(content.data()), size);
  if (!file) return fail(Code::kIo, "cannot read", path, "the file got shorter while it was read");
  return content;
}

Result<void> write_file(const std::string& path, ByteView content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file)
    return fail(Code::kIo, "cannot write", path, std::strerror(errno),
                "check the folder, its permissions and its space");
  return {};
}

std::string beside(const std::string& config_path, const std::string& path) {
  const std::filesystem::path given(path);
  if (given.is_absolute()) return path;
  return (std::filesystem::absolute(config_path).parent_path() / given).lexically_normal().string();
}

std::string sibling_program(const std::string& name) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? name : (self.parent_path() / name).string();
}

}  // namespace lichen::posix
