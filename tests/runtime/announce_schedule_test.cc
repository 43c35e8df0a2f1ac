#include "holler/announce_schedule.h"

#include <cstdint>
#include <vector>

#include "gtest/gtest.h"

namespace holler {
namespace {

constexpr int64_t kStart = 7'000'000'000;

TEST(AnnounceSchedule, HasNothingToDoBeforeItStarts) {
  AnnounceSchedule schedule;
  EXPECT_EQ(schedule.next(), INT64_MAX);
  EXPECT_FALSE(schedule.TakeDue(INT64_MAX - 1).has_value());
}

TEST(AnnounceSchedule, TakesEachStepOnceWhenItIsDue) {
  AnnounceSchedule schedule;
  schedule.Start(kStart);
  for (const AnnounceStep& step : kAnnounceSteps) {
    const int64_t due = kStart + step.after;
    EXPECT_EQ(schedule.next(), due);
    EXPECT_FALSE(schedule.TakeDue(due - 1).has_value());
    const auto taken = schedule.TakeDue(due);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->after, step.after);
    EXPECT_FALSE(schedule.TakeDue(due).has_value());
  }
  EXPECT_EQ(schedule.next(), INT64_MAX);
  EXPECT_FALSE(schedule.TakeDue(INT64_MAX - 1).has_value());
}

TEST(AnnounceSchedule, ALateThreadTakesAllThatAreDue) {
  AnnounceSchedule schedule;
  schedule.Start(kStart);
  int steps = 0;
  while (schedule.TakeDue(kStart + 500 * kMillisecond)) ++steps;
  EXPECT_EQ(steps, 2);
  EXPECT_EQ(schedule.next(), kStart + 1'200 * kMillisecond);
}

TEST(AnnounceSchedule, ANewStartBeginsAgain) {
  AnnounceSchedule schedule;
  schedule.Start(kStart);
  ASSERT_TRUE(schedule.TakeDue(kStart + 150 * kMillisecond).has_value());
  schedule.Start(kStart + 200 * kMillisecond);
  EXPECT_EQ(schedule.next(), kStart + 300 * kMillisecond);
  int steps = 0;
  while (schedule.TakeDue(kStart + 10'000 * kMillisecond).has_value()) ++steps;
  EXPECT_EQ(steps, std::ssize(kAnnounceSteps));
  EXPECT_EQ(schedule.next(), INT64_MAX);
}

// Starts that follow each other faster than the first sweep comes must not put it off for ever.
TEST(AnnounceSchedule, StartsDoNotPutOffASweep) {
  AnnounceSchedule schedule;
  int sweeps = 0;
  for (int64_t now = kStart; now < kStart + 1'000 * kMillisecond; now += 10 * kMillisecond) {
    if ((now - kStart) % (60 * kMillisecond) == 0) schedule.Start(now);
    while (const auto step = schedule.TakeDue(now)) sweeps += step->sweep ? 1 : 0;
  }
  EXPECT_GE(sweeps, 8);
}

// Or a pair whose hollers were lost might never meet: see docs/discovery.md.
TEST(AnnounceSchedule, EndsWithASweep) {
  bool swept = false;
  for (const AnnounceStep& step : kAnnounceSteps) swept = step.sweep;
  EXPECT_TRUE(swept);
}

}  // namespace
}  // namespace holler
