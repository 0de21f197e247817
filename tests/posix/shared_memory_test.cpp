// SPDX-License-Identifier: Apache-2.0
// Shared memory of clients, by real shared memory objects: whatever its owner does is an error here, never a signal.
#include "posix/shared_memory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>

namespace lichen::posix {
namespace {

constexpr std::size_t kBytes = 8192;

class PosixSharedMemory : public ::testing::Test {
 protected:
  PosixSharedMemory() : key_("/lichen-test-" + std::to_string(::getpid())) {
    fd_ = ::shm_open(key_.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600);
    if (fd_ >= 0 && ::ftruncate(fd_, kBytes) != 0) fd_ = -1;
  }
  ~PosixSharedMemory() override {
    ::close(fd_);
    ::shm_unlink(key_.c_str());
  }
  void SetUp() override {
    if (fd_ < 0) GTEST_SKIP() << "no shared memory objects here";
  }
  [[nodiscard]] std::string path() const { return "/dev/shm" + key_; }
  std::unique_ptr<ports::SharedRegion> open() {
    auto region = ShmFiles().open(key_, kBytes, std::nullopt);
    EXPECT_TRUE(region.has_value()) << region.error().to_line();
    return region ? std::move(*region) : nullptr;
  }
  static Code code_of(const std::string& key, std::uint64_t bytes = 1, std::optional<std::uint32_t> owner = {}) {
    const auto region = ShmFiles().open(key, bytes, owner);
    return region ? Code::kInternal : region.error().code;
  }

  std::string key_;
  int fd_ = -1;
};

TEST_F(PosixSharedMemory, WhatOneWritesTheOtherReads) {
  const auto region = open();
  ASSERT_EQ(::pwrite(fd_, "lichen", 6, 4096), 6);
  std::array<std::byte, 6> in{};
  ASSERT_TRUE(region->read(4096, in).has_value());
  EXPECT_EQ(text_of(in), "lichen");
  ASSERT_TRUE(region->write(kBytes - 3, bytes_of("end")).has_value());
  std::array<char, 3> end{};
  ASSERT_EQ(::pread(fd_, end.data(), 3, kBytes - 3), 3);
  EXPECT_EQ(std::string(end.data(), 3), "end");
}

TEST_F(PosixSharedMemory, ARegionCutOffUnderneathIsAnErrorAndIsNotMadeLonger) {
  const auto region = open();
  ASSERT_EQ(::ftruncate(fd_, 100), 0);
  Bytes in(200);
  EXPECT_EQ(region->read(0, in).error().code, Code::kBadInput);
  EXPECT_EQ(region->write(0, in).error().code, Code::kBadInput);
  EXPECT_TRUE(region->write(0, ByteView(in).first(100)).has_value());
  struct stat info {};
  ASSERT_EQ(::fstat(fd_, &info), 0);
  EXPECT_EQ(info.st_size, 100);
  ASSERT_EQ(::ftruncate(fd_, kBytes), 0);
  EXPECT_TRUE(region->read(0, in).has_value()) << "long enough again";
}

TEST_F(PosixSharedMemory, ARemovedRegionLivesUntilItIsLetGo) {
  const auto region = open();
  ASSERT_EQ(::shm_unlink(key_.c_str()), 0);
  Bytes in(kBytes);
  EXPECT_TRUE(region->read(0, in).has_value());
  EXPECT_EQ(code_of(key_), Code::kNotFound);
}

TEST_F(PosixSharedMemory, NamesThatCouldLeadElsewhereAreRefused) {
  for (const std::string key : {"", "/", ".", "..", "/..", "/../../etc/passwd", "a/b", "//a"})
    EXPECT_EQ(code_of(key), Code::kBadInput) << key;
  EXPECT_EQ(code_of(std::string("a\0b", 3)), Code::kBadInput);
  EXPECT_EQ(code_of(std::string(300, 'a')), Code::kBadInput);
  EXPECT_EQ(code_of("/lichen-no-such-region"), Code::kNotFound);
}

TEST_F(PosixSharedMemory, LinksAndWhatIsNoRegularFileAreRefused) {
  const std::string link = key_ + "-link";
  ASSERT_EQ(::symlink("/etc/passwd", ("/dev/shm" + link).c_str()), 0);
  EXPECT_NE(code_of(link), Code::kInternal);
  ::unlink(("/dev/shm" + link).c_str());
  const std::string fifo = key_ + "-fifo";
  ASSERT_EQ(::mkfifo(("/dev/shm" + fifo).c_str(), 0600), 0);
  EXPECT_EQ(code_of(fifo, 0), Code::kUnsupported) << "and at once, although nobody is at its other end";
  ::unlink(("/dev/shm" + fifo).c_str());
}

TEST_F(PosixSharedMemory, FilesOfOtherFileSystemsAreRefused) {
  const std::string folder = ::testing::TempDir();
  const std::string path = folder + "/lichen-shm-test";
  const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::ftruncate(file, 100), 0);
  const auto region = ShmFiles(folder).open("lichen-shm-test", 100, std::nullopt);
  ::close(file);
  ::unlink(path.c_str());
  if (region) GTEST_SKIP() << folder << " is on a tmpfs here";
  EXPECT_EQ(region.error().code, Code::kUnsupported);
}

TEST_F(PosixSharedMemory, TooShortAndForeignRegionsAreRefusedInWords) {
  EXPECT_EQ(code_of(key_, kBytes + 1), Code::kBadInput);
  const auto foreign = ShmFiles().open(key_, 1, ::getuid() + 1);
  ASSERT_FALSE(foreign.has_value());
  EXPECT_NE(foreign.error().why.find("belongs to user"), std::string::npos);
  EXPECT_TRUE(ShmFiles().open(key_, 1, ::getuid()).has_value());
}

}  // namespace
}  // namespace lichen::posix
