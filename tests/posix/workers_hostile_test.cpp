// SPDX-License-Identifier: Apache-2.0
// A worker that was taken over by its model: whatever it writes into the shared memory, the agent lives, says that the
// worker is gone, and starts another.
#include "workers_fixture.hpp"

namespace lichen::posix {
namespace {

using ports::WorkerEnd;

class HostileTest : public WorkersTest, public ::testing::WithParamInterface<char> {};

TEST_P(HostileTest, IsGoneOnceAndItsSuccessorAnswers) {
  open({job_named(kGood)});
  const auto worker = start_ready();
  submit(worker, GetParam());
  ASSERT_TRUE(wait_gone(worker));
  EXPECT_EQ(events.gone.back().end, WorkerEnd::kDied);
  EXPECT_FALSE(events.gone.back().detail.empty());
  EXPECT_TRUE(events.answered.empty());
  expect_echo(start_ready(), 2);
  EXPECT_EQ(events.gone.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Ways, HostileTest,
                         ::testing::Values(kScribble, kForgeLife, kForgeAnswer, kForgeStatus, kWakeForEver),
                         [](const auto& way) { return std::string(1, way.param); });

}  // namespace
}  // namespace lichen::posix
