#include "holler/acquaintances.h"

#include <set>

#include "gtest/gtest.h"

namespace holler {
namespace {

const wire::NodeId kA(1, 1);
const wire::NodeId kB(1, 2);
const wire::NodeId kC(2, 1);

TEST(Acquaintances, WhoSentNonsenseIsBanned) {
  Acquaintances met;
  EXPECT_FALSE(met.IsBanned(kA));
  met.Ban(kA);
  EXPECT_TRUE(met.IsBanned(kA));
  EXPECT_FALSE(met.IsBanned(kB));
  met.OnOwnTopicsChanged();
  EXPECT_TRUE(met.IsBanned(kA));
}

TEST(Acquaintances, AVainMeetingCountsUntilTheTopicsChange) {
  Acquaintances met;
  met.MetInVain(kA);
  EXPECT_TRUE(met.IsInVain(kA));
  EXPECT_FALSE(met.IsInVain(kB));
  met.OnOwnTopicsChanged();
  EXPECT_FALSE(met.IsInVain(kA));
  met.MetInVain(kA);
  EXPECT_TRUE(met.IsInVain(kA));
}

// An idle node never sweeps, and so never forgets those that are gone.
TEST(Acquaintances, MeetingsInVainDoNotFillTheMemory) {
  Acquaintances met;
  for (uint64_t i = 0; i < 10'000; ++i) met.MetInVain(wire::NodeId(7, i));
  EXPECT_LT(met.size(), 2'000u);
  EXPECT_TRUE(met.IsInVain(wire::NodeId(7, 9'999)));
}

TEST(Acquaintances, WhoNeverHasTimeIsCalledLessAndLess) {
  Acquaintances met;
  int64_t last = 0;
  int tries = 0;
  while (const auto pause = met.NextPause(kA)) {
    EXPECT_GT(*pause, last);
    last = *pause;
    ASSERT_LE(++tries, 10);
  }
  EXPECT_EQ(tries, 10);
  EXPECT_TRUE(met.NextPause(kB).has_value()) << "another";
  met.ForgetTries(kA);
  EXPECT_TRUE(met.NextPause(kA).has_value()) << "it has something to say";
  for (uint64_t i = 0; i < 10'000; ++i) met.NextPause(wire::NodeId(7, i));
  EXPECT_LT(met.size(), 2'000u);
  met.KeepOnly({});
  EXPECT_EQ(met.size(), 0u);
}

TEST(Acquaintances, ForgetsThoseThatAreGone) {
  Acquaintances met;
  met.Ban(kA);
  met.Ban(kB);
  met.MetInVain(kB);
  met.MetInVain(kC);
  met.KeepOnly({kB});
  EXPECT_FALSE(met.IsBanned(kA));
  EXPECT_TRUE(met.IsBanned(kB));
  EXPECT_TRUE(met.IsInVain(kB));
  EXPECT_FALSE(met.IsInVain(kC));
  EXPECT_EQ(met.size(), 2u);
}

TEST(Acquaintances, ForgetsMeetingsThatCountNoMore) {
  Acquaintances met;
  met.MetInVain(kA);
  met.OnOwnTopicsChanged();
  met.KeepOnly({kA});
  EXPECT_EQ(met.size(), 0u);
}

TEST(Acquaintances, CannotBeFilledUp) {
  Acquaintances met;
  for (uint64_t i = 0; i < 10'000; ++i) met.Ban(wire::NodeId(i, i));
  EXPECT_LE(met.size(), 1'000u);
}

}  // namespace
}  // namespace holler
