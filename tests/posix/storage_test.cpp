// SPDX-License-Identifier: Apache-2.0
#include "posix/storage.hpp"

#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace lichen::posix {
namespace {

class StorageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fmt::format("{}/lichen_storage_{}_{}", ::testing::TempDir(), ::getpid(),
                             ::testing::UnitTest::GetInstance()->current_test_info()->name());
    open(directory_);
  }
  void TearDown() override {
    storage_.reset();
    std::filesystem::remove_all(directory_);
  }
  void open(const std::string& directory) {
    auto opened = FileStorage::open(directory);
    ASSERT_TRUE(opened) << opened.error().to_line();
    storage_ = std::move(*opened);
  }

  Result<Bytes> result_of(ports::StorageOp op) {
    while (!done_.contains(op)) {
      pollfd source{storage_->event_fd(), POLLIN, 0};
      EXPECT_EQ(::poll(&source, 1, 60'000), 1);
      storage_->poll([&](ports::StorageDone&& done) {
        EXPECT_TRUE(done_.emplace(done.op, std::move(done.result)).second) << "completed twice";
      });
    }
    return done_.at(op);
  }

  static Bytes bytes(std::string_view text) {
    const ByteView view = bytes_of(text);
    return {view.begin(), view.end()};
  }

  std::string directory_;
  std::unique_ptr<FileStorage> storage_;
  std::map<ports::StorageOp, Result<Bytes>> done_;
};

TEST_F(StorageTest, WhatWasWrittenAndSyncedIsReadBack) {
  const auto write = storage_->write("state.a", bytes("first, and long"));
  const auto sync = storage_->sync("state.a");
  const auto directory = storage_->sync_directory();
  const auto again = storage_->write("state.a", bytes("second"));
  const auto read = storage_->read("state.a");
  for (const auto op : {write, sync, directory, again}) EXPECT_TRUE(result_of(op));
  const auto content = result_of(read);
  ASSERT_TRUE(content);
  EXPECT_EQ(text_of(*content), "second");
}

TEST_F(StorageTest, AFileThatIsNotThereIsNotFound) {
  const auto read = result_of(storage_->read("nothing"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Code::kNotFound);
  EXPECT_FALSE(result_of(storage_->sync("nothing")));
}

TEST_F(StorageTest, NamesThatLeaveTheDirectoryAreRefused) {
  for (const std::string name : {"", ".", "..", "../x", "a/b", "/etc/passwd", "UPPER", "sp ace"}) {
    const auto read = result_of(storage_->read(name));
    ASSERT_FALSE(read) << name;
    EXPECT_EQ(read.error().code, Code::kBadInput) << name;
  }
  EXPECT_FALSE(result_of(storage_->write(std::string(65, 'a'), {})));
  EXPECT_TRUE(result_of(storage_->write(std::string(64, 'a'), {})));
}

TEST_F(StorageTest, LinksAndPipesAreNotFollowed) {
  std::filesystem::create_symlink("/etc/hostname", directory_ + "/link");
  ASSERT_EQ(::mkfifo((directory_ + "/pipe").c_str(), 0600), 0);
  EXPECT_FALSE(result_of(storage_->read("link")));
  EXPECT_FALSE(result_of(storage_->write("link", bytes("x"))));
  EXPECT_FALSE(result_of(storage_->read("pipe")));
  EXPECT_FALSE(result_of(storage_->write("pipe", bytes("x"))));
}

TEST_F(StorageTest, FilesAboveTheLimitAreRefused) {
  const auto write = result_of(storage_->write("big", Bytes(ports::kStorageFileBytesMax + 1)));
  ASSERT_FALSE(write);
  EXPECT_EQ(write.error().code, Code::kExhausted);
  std::ofstream(directory_ + "/big").close();
  std::filesystem::resize_file(directory_ + "/big", ports::kStorageFileBytesMax + 1);
  EXPECT_FALSE(result_of(storage_->read("big")));
}

TEST_F(StorageTest, TheQueueIsBoundedAndEveryOperationCompletesOnce) {
  std::vector<ports::StorageOp> ops;
  for (std::size_t i = 0; i < 2 * kStorageQueueMax; ++i)
    ops.push_back(storage_->write(fmt::format("f{}", i % 40), bytes("x")));
  for (const auto op : ops) {
    const auto result = result_of(op);
    if (!result) {
      EXPECT_EQ(result.error().code, Code::kExhausted);
    }
  }
  EXPECT_EQ(done_.size(), ops.size());
}

TEST_F(StorageTest, TheDestructorFinishesWhatWasSubmitted) {
  for (int i = 0; i < 100; ++i) storage_->write(fmt::format("f{}", i), bytes("kept"));
  storage_.reset();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(std::filesystem::file_size(fmt::format("{}/f{}", directory_, i)), 4u);
}

TEST_F(StorageTest, AFullDiskIsAnErrorAndWhatIsThereStaysReadable) {
  const std::string disk = directory_ + "/disk";
  std::filesystem::create_directory(disk);
  if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "cannot mount a small tmpfs here (needs root)";
  open(disk);
  EXPECT_TRUE(result_of(storage_->write("small", bytes("kept"))));
  const auto full = result_of(storage_->write("large", Bytes(1 << 20)));
  const auto small = result_of(storage_->read("small"));
  storage_.reset();
  ::umount2(disk.c_str(), MNT_DETACH);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Code::kExhausted);
  ASSERT_TRUE(small);
  EXPECT_EQ(text_of(*small), "kept");
}

}  // namespace
}  // namespace lichen::posix
