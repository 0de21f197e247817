// SPDX-License-Identifier: Apache-2.0
// The rules themselves: each fires on a bad snippet, at the right line, and stays silent on its good counterpart.
#include "rules.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace lichen::tidy {
namespace {

const House kHouse{.floors = {{"base", 0}, {"ports", 1}, {"posix", 3}, {"fakes", 3}, {"ladder", 6}, {"device", 9}},
                   .paths = {"README.md", "docs", "docs/testing.md"},
                   .shared = {"src/doors std::shared_ptr<Connection>"}};

// The lines at which `rule` fires on `text`, were it the file at `path`.
std::vector<std::size_t> lines_where(std::string_view rule, std::string path, std::string_view text) {
  std::vector<std::size_t> lines;
  for (const Finding& finding : rule_named(rule).check(make_source(std::move(path), text), kHouse)) {
    lines.push_back(finding.line);
    EXPECT_EQ(finding.rule, rule);
    EXPECT_FALSE(finding.why.empty());
  }
  return lines;
}

using Lines = std::vector<std::size_t>;

TEST(Rules, SayFileLineRuleAndWhy) {
  const Finding finding{"src/base/x.cpp", 7, "no-clock", "take the time as an argument"};
  EXPECT_EQ(finding.to_line(), "src/base/x.cpp:7: no-clock: take the time as an argument");
}

TEST(Rules, NoClockFiresOutsideDoersOnly) {
  const std::string_view bad = "int a;\nauto t = std::chrono::steady_clock::now();\n";
  EXPECT_EQ(lines_where("no-clock", "src/ladder/x.cpp", bad), (Lines{2}));
  EXPECT_EQ(lines_where("no-clock", "src/posix/x.cpp", bad), Lines{});
  EXPECT_EQ(lines_where("no-clock", "tests/ladder/x.cpp", bad), Lines{});
  EXPECT_EQ(lines_where("no-clock", "src/ladder/x.cpp", "t = ::time(nullptr);\n#include <ctime>\n"), (Lines{1, 2}));
  EXPECT_EQ(lines_where("no-clock", "src/ladder/x.cpp", "clock.now(); x.time(3); uptime();\n"), Lines{});
}

TEST(Rules, NoSocketsFires) {
  EXPECT_EQ(lines_where("no-sockets", "src/device/x.cpp", "\nint s = ::socket(1, 2, 3);\n"), (Lines{2}));
  EXPECT_EQ(lines_where("no-sockets", "src/device/x.cpp", "#include <boost/asio/io_context.hpp>\n"), (Lines{1}));
  EXPECT_EQ(lines_where("no-sockets", "src/device/x.cpp", "door.socket(1);\n"), Lines{});
}

TEST(Rules, NoFilesFires) {
  EXPECT_EQ(lines_where("no-files", "src/engine/x.cpp", "std::ifstream file(\"a\");\nint f = ::open(a, 0);\n"),
            (Lines{1, 2}));
  EXPECT_EQ(lines_where("no-files", "src/engine/x.cpp", "#include <filesystem>\n"), (Lines{1}));
  EXPECT_EQ(lines_where("no-files", "src/engine/x.cpp", "storage.open(a);\nvoid Breaker::open(int a) {}\n"), Lines{});
}

TEST(Rules, NoRandomDevicesFires) {
  EXPECT_EQ(lines_where("no-random-devices", "src/sim/x.cpp", "std::random_device device;\nint r = rand();\n"),
            (Lines{1, 2}));
  EXPECT_EQ(lines_where("no-random-devices", "src/sim/x.cpp", "SplitMix64 operand(1);\n"), Lines{});
}

TEST(Rules, NoThreadsFiresOutsideCalculatorsAndPosix) {
  EXPECT_EQ(lines_where("no-threads", "src/device/x.cpp", "std::jthread t([] {});\n"), (Lines{1}));
  EXPECT_EQ(lines_where("no-threads", "src/sim/x.cpp", "#include <thread>\n"), (Lines{1}));
  EXPECT_EQ(lines_where("no-threads", "src/kernels/x.cpp", "std::jthread t([] {});\n"), Lines{});
}

TEST(Rules, NoProcessesFiresOutsideDoers) {
  EXPECT_EQ(lines_where("no-processes", "src/sim/x.cpp", "\nif (::fork() == 0) {}\n"), (Lines{2}));
  EXPECT_EQ(lines_where("no-processes", "src/apps/x.cpp", "if (::fork() == 0) {}\n"), Lines{});
  EXPECT_EQ(lines_where("no-processes", "src/ladder/x.cpp", "workers.kill(worker);\nvoid Ladder::kill(int rung) {}\n"),
            Lines{});
}

TEST(Rules, DoersStayOutsideFires) {
  EXPECT_EQ(lines_where("doers-stay-outside", "src/device/x.cpp", "\n\n#include \"posix/files.hpp\"\n"), (Lines{3}));
  EXPECT_EQ(lines_where("doers-stay-outside", "src/posix/x.cpp", "#include \"fakes/disk.hpp\"\n"), (Lines{1}));
  EXPECT_EQ(lines_where("doers-stay-outside", "src/apps/x.cpp", "#include \"posix/files.hpp\"\n"), Lines{});
  EXPECT_EQ(lines_where("doers-stay-outside", "src/sim/x.cpp", "#include \"fakes/disk.hpp\"\n"), Lines{});
}

TEST(Rules, DecidersAreExactFires) {
  EXPECT_EQ(lines_where("deciders-are-exact", "src/ladder/x.cpp", "double share;\nstd::unordered_map<int, int> m;\n"),
            (Lines{1, 2}));
  EXPECT_EQ(lines_where("deciders-are-exact", "src/store/x.hpp", "#include <cmath>\n#include <random>\n"),
            (Lines{1, 2}));
  EXPECT_EQ(lines_where("deciders-are-exact", "src/kernels/x.cpp", "double share;\n"), Lines{});
  EXPECT_EQ(lines_where("deciders-are-exact", "src/ladder/x.cpp", "// no float\nint afloat; auto s = \"float\";\n"),
            Lines{});
}

TEST(Rules, RoomsUseLowerFloorsFires) {
  EXPECT_EQ(lines_where("rooms-use-lower-floors", "src/ladder/x.cpp", "#include \"device/device.hpp\"\n"), (Lines{1}));
  EXPECT_EQ(lines_where("rooms-use-lower-floors", "src/posix/x.cpp", "#include \"fakes/disk.hpp\"\n"), (Lines{1}));
  EXPECT_EQ(lines_where("rooms-use-lower-floors", "src/ladder/x.cpp", "#include \"breaker.hpp\"\n"), (Lines{1}));
  EXPECT_EQ(
      lines_where("rooms-use-lower-floors", "src/ladder/x.cpp", "#include \"ladder/a.hpp\"\n#include \"base/a.hpp\"\n"),
      Lines{});
}

TEST(Rules, LicenceComesFirstFires) {
  EXPECT_EQ(lines_where("licence-comes-first", "src/base/x.cpp", "int a;\n"), (Lines{1}));
  EXPECT_EQ(lines_where("licence-comes-first", "src/base/x.cpp", ""), (Lines{1}));
  EXPECT_EQ(lines_where("licence-comes-first", "src/base/x.cpp", "// SPDX-License-Identifier: Apache-2.0\n"), Lines{});
  EXPECT_EQ(lines_where("licence-comes-first", "scripts/x", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n"),
            Lines{});
  EXPECT_EQ(lines_where("licence-comes-first", "README.md", "# Lichen\n"), Lines{});
}

TEST(Rules, HeadersUseNoNamespaceFires) {
  EXPECT_EQ(lines_where("headers-use-no-namespace", "src/base/x.hpp", "\nusing namespace std;\n"), (Lines{2}));
  EXPECT_EQ(lines_where("headers-use-no-namespace", "src/base/x.cpp", "using namespace std;\n"), Lines{});
}

TEST(Rules, HeadersHavePragmaOnceFires) {
  EXPECT_EQ(lines_where("headers-have-pragma-once", "src/base/x.hpp", "// #pragma once\nint a;\n"), (Lines{1}));
  EXPECT_EQ(lines_where("headers-have-pragma-once", "src/base/x.hpp", "#pragma once\nint a;\n"), Lines{});
}

TEST(Rules, NothingIsLeftForLaterFiresInCommentsAndDocuments) {
  EXPECT_EQ(lines_where("nothing-is-left-for-later", "src/base/x.cpp",
                        "int a;  // TO"
                        "DO: later\n"),
            (Lines{1}));
  EXPECT_EQ(lines_where("nothing-is-left-for-later", "docs/x.md",
                        "a\nFIX"
                        "ME\n"),
            (Lines{2}));
  EXPECT_EQ(lines_where("nothing-is-left-for-later", "src/base/x.cpp", "int kTODOS;\n"), Lines{});
}

TEST(Rules, FilesAreShortFires) {
  std::string text(kFileLinesMax, '\n');
  EXPECT_EQ(lines_where("files-are-short", "src/base/x.cpp", text), Lines{});
  EXPECT_EQ(lines_where("files-are-short", "src/base/x.cpp", text + "\n"), (Lines{kFileLinesMax + 1}));
}

TEST(Rules, SharingIsExplainedFires) {
  EXPECT_EQ(lines_where("sharing-is-explained", "src/base/x.hpp", "\nstd::shared_ptr<int> a;\n"), (Lines{2}));
  EXPECT_EQ(lines_where("sharing-is-explained", "src/base/x.hpp",
                        "std::shared_ptr<int> a;  // by the door and its clients\n"),
            Lines{});
  EXPECT_EQ(lines_where("sharing-is-explained", "src/base/x.hpp",
                        "\n// Shared by the door and its clients.\nstd::shared_ptr<int> a;\n"),
            Lines{});
}

TEST(Rules, SharingIsExplainedOnceForAFolder) {
  EXPECT_EQ(lines_where("sharing-is-explained", "src/doors/x.cpp", "void f(std::shared_ptr<Connection> c);\n"),
            Lines{});
  EXPECT_EQ(lines_where("sharing-is-explained", "src/doors/x.cpp", "void f(std::shared_ptr<Other> c);\n"), (Lines{1}));
  EXPECT_EQ(lines_where("sharing-is-explained", "src/engine/x.cpp", "void f(std::shared_ptr<Connection> c);\n"),
            (Lines{1}));
}

TEST(Rules, NoPathOfOneMachineFires) {
  EXPECT_EQ(lines_where("no-path-of-one-machine", "scripts/x",
                        "a=1\ncd /ho"
                        "me/ann/lichen\n"),
            (Lines{2}));
  EXPECT_EQ(lines_where("no-path-of-one-machine", "scripts/x",
                        "cd build/wo"
                        "rk/a\n"),
            Lines{});
}

TEST(Rules, LinksLeadSomewhereFires) {
  EXPECT_EQ(lines_where("links-lead-somewhere", "docs/a.md", "x\nsee [it](gone.md)\n"), (Lines{2}));
  EXPECT_EQ(lines_where("links-lead-somewhere", "docs/a.md",
                        "[a](testing.md#b) [c](../README.md) [d](https://x.org) [e](#f)\n"),
            Lines{});
  EXPECT_EQ(lines_where("links-lead-somewhere", "README.md", "`[a](gone.md)`\n```\n[b](gone.md)\n```\n[docs](docs/)\n"),
            Lines{});
}

TEST(Rules, ComeEachWithATestOfTheirOwnHere) {
  EXPECT_EQ(kRules.size(), 17u) << "add the new rule to this file, then count again";
}

TEST(Stripper, BlanksCommentsAndKeepsTheLines) {
  const Source source = make_source("x.cpp", "a /* b\nc */ d // e\nf\n");
  EXPECT_EQ(source.code, (std::vector<std::string>{"a     ", "     d     ", "f"}));
}

TEST(Stripper, BlanksStringsCharactersAndRawStrings) {
  const Source source = make_source("x.cpp", "f(\"// no \\\" comment\", '\"', R\"x(\"quoted\" // )x\", 1);  // c\n");
  EXPECT_EQ(source.code[0].find("comment"), std::string::npos);
  EXPECT_EQ(source.code[0].find("quoted"), std::string::npos);
  EXPECT_NE(source.code[0].find(", 1);"), std::string::npos);
}

TEST(Stripper, LeavesDigitSeparatorsAlone) {
  EXPECT_EQ(make_source("x.cpp", "f(1'000'000, float);\n").code[0], "f(1'000'000, float);");
}

TEST(Stripper, SurvivesTextThatEndsInTheMiddleOfAnything) {
  for (const std::string_view text : {"\"abc", "'", "/* abc", "R\"x(abc", "R\"", "\"\\", "// a"}) {
    EXPECT_EQ(make_source("x.cpp", text).raw.size(), make_source("x.cpp", text).code.size()) << text;
  }
}

TEST(Sources, FindIncludesButNotInComments) {
  const Source source = make_source("x.cpp", "#include \"base/a.hpp\"\n// #include <b>\n  #  include <c>\n");
  ASSERT_EQ(source.includes.size(), 2u);
  EXPECT_EQ(source.includes[0].name, "base/a.hpp");
  EXPECT_TRUE(source.includes[0].quoted);
  EXPECT_EQ(source.includes[1].name, "c");
  EXPECT_EQ(source.includes[1].line, 3u);
}

TEST(Floors, ComeFromTheRoomsInCMake) {
  const Floors floors =
      floors_of({make_source("src/a/CMakeLists.txt",
                             "# lichen_room(NAME no FLOOR 9)\nlichen_room(NAME a FLOOR 0\n  SOURCES x.cpp)\n"),
                 make_source("src/b/CMakeLists.txt", "lichen_room(NAME b\n  FLOOR 12 USES a)\n")});
  EXPECT_EQ(floors, (Floors{{"a", 0}, {"b", 12}}));
}

}  // namespace
}  // namespace lichen::tidy
