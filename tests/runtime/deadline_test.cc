#include "holler/deadline.h"

#include "gtest/gtest.h"

namespace holler {
namespace {

TEST(Deadline, IsMissedOnceUntilItIsMetAgain) {
  Deadline deadline(10);
  deadline.Start(100);
  EXPECT_EQ(deadline.due(), 110);
  EXPECT_FALSE(deadline.Check(109));
  EXPECT_TRUE(deadline.Check(110));
  EXPECT_TRUE(deadline.missed());
  EXPECT_FALSE(deadline.Check(200));
  EXPECT_TRUE(deadline.Beat(205));
  EXPECT_FALSE(deadline.Beat(206));
  EXPECT_EQ(deadline.due(), 216);
  EXPECT_FALSE(deadline.Check(215));
  EXPECT_TRUE(deadline.Check(216));
}

TEST(Deadline, BeatsPutItOff) {
  Deadline deadline(10);
  deadline.Start(0);
  for (int64_t now = 9; now < 1'000; now += 9) {
    EXPECT_FALSE(deadline.Check(now));
    EXPECT_FALSE(deadline.Beat(now));
  }
}

TEST(Deadline, ALongOneDoesNotOverflow) {
  Deadline deadline(INT64_MAX);
  deadline.Start(1'000);
  EXPECT_EQ(deadline.due(), INT64_MAX);
  EXPECT_FALSE(deadline.Check(INT64_MAX - 1));
}

TEST(Deadline, NoLengthIsNone) {
  EXPECT_FALSE(Deadline().enabled());
  EXPECT_TRUE(Deadline(1).enabled());
}

}  // namespace
}  // namespace holler
