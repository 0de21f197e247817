// SPDX-License-Identifier: Apache-2.0
#include "posix/mapped_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using namespace lichen;
using posix::MappedFile;

constexpr std::size_t kFileBytes = std::size_t{8} << 20;

class MappedFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("lichen_mapped_" + std::to_string(::getpid()));
    std::ofstream file(path_, std::ios::binary);
    for (std::size_t i = 0; i < kFileBytes; ++i) file.put(static_cast<char>(i % 251));
  }
  void TearDown() override { std::filesystem::remove(path_); }

  static bool is_whole(ByteView bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] != static_cast<std::byte>(i % 251)) return false;
    }
    return bytes.size() == kFileBytes;
  }

  // Of files mapped into this process.
  static long resident_kb() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("RssFile:")) return std::strtol(line.c_str() + 8, nullptr, 10);
    }
    return -1;
  }

  std::filesystem::path path_;
};

TEST_F(MappedFiles, LetGoOfPagesAndHaveThemAgain) {
  const auto file = MappedFile::open(path_, kFileBytes);
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE(is_whole(file->bytes()));
  const long before = resident_kb();
  file->drop_pages(file->bytes().subspan(1 << 20, 6 << 20));
  const long after = resident_kb();
  EXPECT_LE(after, before - 5 * 1024);
  EXPECT_TRUE(is_whole(file->bytes()));
}

TEST_F(MappedFiles, KeepPagesThatArePartlyOfOthers) {
  const auto file = MappedFile::open(path_, kFileBytes);
  ASSERT_TRUE(file.has_value());
  const Bytes elsewhere(100);
  for (const ByteView part : {file->bytes().subspan(1, 4000), file->bytes().subspan(5000, 0), ByteView(elsewhere),
                              file->bytes().last(1), file->bytes()}) {
    file->drop_pages(part);
    EXPECT_TRUE(is_whole(file->bytes()));
  }
}

}  // namespace
