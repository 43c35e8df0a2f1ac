#include "holler/clock.h"

#include "gtest/gtest.h"

namespace holler {
namespace {

TEST(Since, IsTheTimeBetween) {
  EXPECT_EQ(Since(7, 5), 2);
  EXPECT_EQ(Since(5, 7), -2);
  EXPECT_EQ(Since(-5, -7), 2);
  EXPECT_EQ(Since(INT64_MAX, INT64_MAX), 0);
  EXPECT_EQ(Since(INT64_MIN, INT64_MIN), 0);
}

// A peer may say anything.
TEST(Since, EndsWhereTimesEnd) {
  EXPECT_EQ(Since(1, INT64_MIN), INT64_MAX);
  EXPECT_EQ(Since(INT64_MAX, INT64_MIN), INT64_MAX);
  EXPECT_EQ(Since(INT64_MAX, -1), INT64_MAX);
  EXPECT_EQ(Since(-2, INT64_MAX), INT64_MIN);
  EXPECT_EQ(Since(INT64_MIN, INT64_MAX), INT64_MIN);
  EXPECT_EQ(Since(-1, INT64_MAX), INT64_MIN);
}

TEST(TimeAfter, EndsWhereTimesEnd) {
  EXPECT_EQ(TimeAfter(5, absl::Nanoseconds(2)), 7);
  EXPECT_EQ(TimeAfter(5, -absl::Seconds(1)), 5);
  EXPECT_EQ(TimeAfter(5, absl::InfiniteDuration()), INT64_MAX);
  EXPECT_EQ(TimeAfter(INT64_MAX, absl::Seconds(1)), INT64_MAX);
}

}  // namespace
}  // namespace holler
