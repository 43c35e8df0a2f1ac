#include "holler/wall_time.h"

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "loop_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

TEST(WallTime, OnePairKeepsDistancesExactly) {
  const ClockPair pair{.publish_time = 1'000, .wall_time = absl::UnixEpoch() + absl::Hours(1)};
  EXPECT_EQ(ToWallTime(1'000, pair), pair.wall_time);
  EXPECT_EQ(ToWallTime(1'007, pair), pair.wall_time + absl::Nanoseconds(7));
  EXPECT_EQ(ToWallTime(-3'000, pair), pair.wall_time - absl::Nanoseconds(4'000));
  EXPECT_EQ(ToPublishTime(ToWallTime(123'456'789, pair), pair), 123'456'789);
}

// A peer may say anything.
TEST(WallTime, AnyTimeIsATimeOfDay) {
  const ClockPair pair{.publish_time = 1'000, .wall_time = absl::UnixEpoch()};
  EXPECT_EQ(ToWallTime(INT64_MIN, pair), absl::UnixEpoch() + absl::Nanoseconds(INT64_MIN));
  EXPECT_EQ(ToWallTime(INT64_MAX, pair), absl::UnixEpoch() + absl::Nanoseconds(INT64_MAX - 1'000));
}

TEST(WallTime, APairIsReadBetweenItsNeighbours) {
  const int64_t before = MonotonicNow();
  const ClockPair pair = ReadClockPair();
  EXPECT_GE(pair.publish_time, before);
  EXPECT_LE(pair.publish_time, MonotonicNow());
  EXPECT_GE(pair.doubt, 0);
}

TEST(WallTime, ANodesOwnClockGivesPublishTimesAndAges) {
  FakeClock clock;
  auto node = Node::Create({.name = "fake", .domain = NextDomain(), .clock = clock.function()});
  ASSERT_TRUE(node.ok()) << node.status();
  auto publisher = Make<test::SmallPublisher>(*node);
  auto subscriber = Make<test::SmallSubscriber>(*node);
  const int64_t then = clock.Now();
  ASSERT_EQ(PublishNumber(*publisher, 1), 1u);
  clock.Advance(5 * kSecond);
  auto sample = subscriber->Take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample.publish_time(), then);
  EXPECT_EQ(sample.age(), absl::Seconds(5));
  const ClockPair pair = ReadClockPair(Clock(clock.function()));
  EXPECT_EQ(pair.doubt, 0);
  EXPECT_EQ(ToWallTime(sample.publish_time(), pair), pair.wall_time - absl::Seconds(5));
}

}  // namespace
}  // namespace holler
