// SPDX-License-Identifier: Apache-2.0
// The repository holds to its own rules. A failure prints file:line: rule: why.
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "rules.hpp"

namespace lichen::tidy {
namespace {

const std::vector<Source>& tree() {
  static const std::vector<Source> sources = read_tree(LICHEN_SOURCE_DIR);
  return sources;
}

// Links may also lead to files that are not text, such as data and results.
House house() {
  House house = house_of(tree());
  for (const char* folder : {"data", "docs", "benchmarks", "packaging"}) {
    const std::filesystem::path top = std::filesystem::path(LICHEN_SOURCE_DIR) / folder;
    if (!std::filesystem::exists(top)) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      house.paths.insert(std::filesystem::relative(entry.path(), LICHEN_SOURCE_DIR).generic_string());
    }
  }
  for (const auto& entry : std::filesystem::directory_iterator(LICHEN_SOURCE_DIR))
    house.paths.insert(entry.path().filename().string());
  return house;
}

void expect_clean(std::string_view rule) {
  const std::vector<Finding> findings = findings_of(rule_named(rule), tree(), house());
  std::string lines;
  for (const Finding& finding : findings) lines += finding.to_line() + "\n";
  EXPECT_TRUE(findings.empty()) << findings.size() << " findings:\n" << lines;
}

TEST(Tidy, OnlyDoersAndAppsTouchASystemClock) {
  expect_clean("no-clock");
}

TEST(Tidy, OnlyDoersAppsAndDoorsTouchASocket) {
  expect_clean("no-sockets");
}

TEST(Tidy, OnlyDoersAndAppsTouchAFile) {
  expect_clean("no-files");
}

TEST(Tidy, OnlyDoersAndAppsTouchARandomDevice) {
  expect_clean("no-random-devices");
}

TEST(Tidy, OnlyCalculatorsAndPosixOwnThreads) {
  expect_clean("no-threads");
}

TEST(Tidy, OnlyDoersAndAppsStartOrStopProcesses) {
  expect_clean("no-processes");
}

TEST(Tidy, OnlySimAndAppsIncludeDoers) {
  expect_clean("doers-stay-outside");
}

TEST(Tidy, DecidersUseNoFloatingPointNorUnorderedContainers) {
  expect_clean("deciders-are-exact");
}

TEST(Tidy, ARoomIncludesOnlyRoomsOnLowerFloors) {
  expect_clean("rooms-use-lower-floors");
}

TEST(Tidy, EverySourceBeginsWithItsLicence) {
  expect_clean("licence-comes-first");
}

TEST(Tidy, NoHeaderOpensANamespaceForOthers) {
  expect_clean("headers-use-no-namespace");
}

TEST(Tidy, EveryHeaderIsIncludedOnce) {
  expect_clean("headers-have-pragma-once");
}

TEST(Tidy, NothingIsLeftForLater) {
  expect_clean("nothing-is-left-for-later");
}

TEST(Tidy, NoSourceIsLongerThanTheLimit) {
  expect_clean("files-are-short");
}

TEST(Tidy, EverySharedPointerSaysWhoShares) {
  expect_clean("sharing-is-explained");
}

TEST(Tidy, NoFileNamesAPathOfOneMachine) {
  expect_clean("no-path-of-one-machine");
}

TEST(Tidy, EveryLinkInTheDocumentsLeadsToAFile) {
  expect_clean("links-lead-somewhere");
}

TEST(Tidy, EveryExceptionToARuleIsStillNeeded) {
  for (const Exception& exception : kExceptions) {
    std::size_t used = 0;
    bool any = false;
    for (const Source& source : tree()) {
      if (!source.path.starts_with(exception.path)) continue;
      any = true;
      used += rule_named(exception.rule).check(source, house()).size();
    }
    EXPECT_TRUE(!any || used > 0) << exception.rule << " for " << exception.path
                                  << ": nothing there breaks the rule any more";
  }
}

// The table in docs/architecture.md: | floor | `room/` | purpose |
TEST(Tidy, TheArchitectureDocumentHasEveryRoomOnItsFloor) {
  Floors built = floors_of(tree());
  built["apps"] = 11;  // programs, not a library
  Floors written;
  for (const Source& source : tree()) {
    if (source.path != "docs/architecture.md") continue;
    for (const std::string& line : source.raw) {
      std::array<char, 64> room{};
      int floor = 0;
      if (std::sscanf(line.c_str(), "| %d | `%63[a-z_]/` |", &floor, room.data()) == 2) written[room.data()] = floor;
    }
  }
  EXPECT_EQ(written, built) << "the table in docs/architecture.md and the rooms in src/*/CMakeLists.txt differ";
}

TEST(Tidy, TheTreeThatIsReadHoldsTheHouse) {
  EXPECT_GT(tree().size(), 50u);
  const Floors floors = floors_of(tree());
  ASSERT_TRUE(floors.contains("base"));
  EXPECT_EQ(floors.at("base"), 0);
  for (const Source& source : tree()) {
    if (source.room().empty() || source.room() == "apps") continue;
    EXPECT_TRUE(floors.contains(source.room())) << source.path << ": its room is declared by no lichen_room()";
  }
}

}  // namespace
}  // namespace lichen::tidy
