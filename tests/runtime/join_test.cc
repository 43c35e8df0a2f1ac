#include "holler/join.h"

#include "gtest/gtest.h"
#include "ring_support.h"

namespace holler {
namespace {

uint64_t StartOf(uint64_t head, StartAt wish, bool latched = false) {
  const JoinPoint join = JoinAt(head, wish, latched, 4);
  EXPECT_EQ(join.head, head);
  return join.start;
}

TEST(JoinAt, CountsBackFromTheNewest) {
  EXPECT_EQ(StartOf(10, StartAt::kNext), 10u);
  EXPECT_EQ(StartOf(10, StartAt::kNewest), 9u);
  EXPECT_EQ(StartOf(10, StartAt::kOldest), 6u);
}

TEST(JoinAt, NeverStartsBeforeTheFirst) {
  for (const StartAt wish :
       {StartAt::kDefault, StartAt::kNext, StartAt::kNewest, StartAt::kOldest}) {
    EXPECT_EQ(StartOf(0, wish), 0u);
    EXPECT_EQ(StartOf(0, wish, true), 0u);
  }
  EXPECT_EQ(StartOf(3, StartAt::kOldest), 0u);
}

TEST(JoinAt, LatchedTopicsStartWithTheNewest) {
  EXPECT_EQ(StartOf(10, StartAt::kDefault), 10u);
  EXPECT_EQ(StartOf(10, StartAt::kDefault, true), 9u);
  EXPECT_EQ(StartOf(10, StartAt::kNext, true), 10u) << "unless asked for";
}

// What a peer's page says may be anything.
TEST(JoinAt, UnknownWishesAreNext) {
  EXPECT_EQ(StartOf(10, static_cast<StartAt>(77)), 10u);
  EXPECT_EQ(StartOf(10, static_cast<StartAt>(UINT32_MAX), true), 10u);
}

TEST(History, ComesInOrderAndBeforeWhatIsNew) {
  TestRing ring({.depth = 4});
  for (int i = 0; i < 10; ++i) ring.Publish();
  TestReader reader(ring, StartAt::kOldest);
  ring.Publish();
  // Sample 7 was overwritten since, but it was from before the reader came.
  for (uint64_t n = 8; n <= 11; ++n) {
    const auto sample = reader->Take();
    ASSERT_TRUE(sample.has_value());
    EXPECT_EQ(sample->sequence, n);
    EXPECT_TRUE(TestRing::IsWhole(*sample));
    reader->Release(sample->pin);
  }
  EXPECT_EQ(reader->lost(), 0u);
}

TEST(History, OnlyWhatCameAfterJoiningCanBeLost) {
  TestRing ring({.depth = 4});
  for (int i = 0; i < 10; ++i) ring.Publish();
  TestReader reader(ring, StartAt::kOldest);
  for (int i = 0; i < 6; ++i) ring.Publish();  // 11 to 16; 13 to 16 are left.
  const auto sample = reader->Take();
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->sequence, 13u);
  EXPECT_EQ(reader->lost(), 2u);
}

TEST(History, StartsWithTheNewest) {
  TestRing ring({.depth = 4});
  for (int i = 0; i < 10; ++i) ring.Publish();
  TestReader reader(ring, StartAt::kNewest);
  const auto sample = reader->Take();
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->sequence, 10u);
  EXPECT_FALSE(reader->HasNext());
}

}  // namespace
}  // namespace holler
