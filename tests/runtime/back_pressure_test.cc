#include "holler/back_pressure.h"

#include <atomic>
#include <memory>
#include <thread>

#include "gtest/gtest.h"
#include "holler/clock.h"
#include "ring_support.h"

namespace holler {
namespace {

constexpr absl::Duration kNever = absl::InfiniteDuration();
constexpr int64_t kMinute = 60'000 * kMillisecond;  // Ends tests that fail.

void Wake(const void* cursor) noexcept { WakeSleeper(cursor, /*is_shared=*/true); }

void TakeOne(TestReader& reader) {
  if (const auto sample = reader->Take()) reader->Release(sample->pin);
}

// A ring of two samples, which is full for its reader.
struct FullRing {
  FullRing() {
    ring.Publish();
    ring.Publish();
  }
  TestRing ring{{.depth = 2, .max_loans = 1}};
  TestReader reader = TestReader::Reliable(ring, StartAt::kNext, Wake);
};

TEST(BackPressure, OnlyLooksWhenItsDeadlineIsOver) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), kNever);
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  EXPECT_EQ(full.ring.view().waiting().load(), 0u);
  TakeOne(full.reader);
  EXPECT_EQ(pressure.Await(0), BackPressure::kRoom);
}

// Loans that fill the ring: no subscriber could make room, so none is to blame.
TEST(BackPressure, WithAsManyLoansAsSamplesThereIsNoUseInWaiting) {
  TestRing ring({.depth = 4, .max_loans = 4});
  TestReader reader = TestReader::Reliable(ring, StartAt::kNext, Wake);
  BackPressure pressure(ring.writer(), absl::Milliseconds(1));
  for (int i = 0; i < 4; ++i) ASSERT_NE(ring.writer().Acquire(), kNoSlot);
  ASSERT_EQ(pressure.Await(INT64_MAX), BackPressure::kFull);
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  EXPECT_EQ(reader.entry().drops(), 0u);
}

TEST(BackPressure, ADeadlineEndsTheWait) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), kNever);
  const int64_t deadline = MonotonicNow() + 2 * kMillisecond;
  EXPECT_EQ(pressure.Await(deadline), BackPressure::kFull);
  EXPECT_GE(MonotonicNow(), deadline);
  EXPECT_EQ(full.ring.view().waiting().load(), 0u) << "nobody is to be woken any more";
}

TEST(BackPressure, ATakeEndsTheWait) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), kNever);
  for (int i = 0; i < 1'000; ++i) {
    std::thread taker([&] {
      if (i % 2 == 0) {  // Once it says that it sleeps, or is about to.
        while (full.ring.view().waiting().load() == 0) std::this_thread::yield();
      }
      TakeOne(full.reader);
    });
    EXPECT_EQ(pressure.Await(MonotonicNow() + kMinute), BackPressure::kRoom);
    taker.join();
    full.ring.Publish();
  }
  EXPECT_EQ(full.reader->lost(), 0u);
}

TEST(BackPressure, TheEndOfAMatchEndsTheWait) {
  TestRing ring({.depth = 1, .max_loans = 1});
  BackPressure pressure(ring.writer(), kNever);
  for (int i = 0; i < 100; ++i) {
    std::unique_ptr<TestReader> reader(new TestReader(TestReader::Reliable(ring)));
    ring.Publish();
    std::thread leaver([&] {
      while (ring.view().waiting().load() == 0) std::this_thread::yield();
      reader.reset();
      pressure.OnMatchEnded();
    });
    EXPECT_EQ(pressure.Await(MonotonicNow() + kMinute), BackPressure::kRoom);
    leaver.join();
  }
}

TEST(BackPressure, WhoStallsIsDropped) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), absl::Milliseconds(2));
  const int64_t start = MonotonicNow();
  EXPECT_EQ(pressure.Await(INT64_MAX), BackPressure::kDropped);
  EXPECT_GE(MonotonicNow(), start + 2 * kMillisecond);
  EXPECT_EQ(full.reader.entry().drops(), 1u);
  EXPECT_EQ(pressure.Await(0), BackPressure::kRoom);
}

void SpinFor(int64_t ns) {
  const int64_t end = MonotonicNow() + ns;
  while (MonotonicNow() < end) {
  }
}

// Looking now and then is enough to notice it.
TEST(BackPressure, WhoStallsIsDroppedWithoutWaiting) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), absl::Milliseconds(2));
  const int64_t start = MonotonicNow();
  while (pressure.Await(0) == BackPressure::kFull) {
    ASSERT_LT(MonotonicNow(), start + kMinute);
  }
  EXPECT_GE(MonotonicNow(), start + 2 * kMillisecond);
  EXPECT_EQ(full.reader.entry().drops(), 1u);
}

// Between two looks the publisher may have been frozen, and its subscribers with it: what it did
// not watch counts as a quarter of the limit at most.
TEST(BackPressure, LooksFarApartAreNoStall) {
  constexpr int64_t kLimit = 2 * kMillisecond;
  FullRing full;
  BackPressure pressure(full.ring.writer(), absl::Nanoseconds(kLimit));
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  for (int look = 0; look < 4; ++look) {
    SpinFor(2 * kLimit);
    EXPECT_EQ(pressure.Await(0), BackPressure::kFull) << look;
  }
  SpinFor(2 * kLimit);
  EXPECT_EQ(pressure.Await(0), BackPressure::kDropped) << "it has been looked at often enough";
}

// The look that would drop it gives it another slice of time, if it comes after a long gap.
TEST(BackPressure, ALongGapIsNotTheLastStraw) {
  constexpr int64_t kLimit = 40 * kMillisecond;
  FullRing full;
  BackPressure pressure(full.ring.writer(), absl::Nanoseconds(kLimit));
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  full.reader.entry().stuck_for = kLimit - 1;
  SpinFor(kLimit);
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  TakeOne(full.reader);
  EXPECT_EQ(pressure.Await(0), BackPressure::kRoom);
  EXPECT_EQ(full.reader.entry().drops(), 0u);
}

// Going back and forth is not progress; neither is a cursor that never moved.
TEST(BackPressure, ACursorThatGoesBackAndForthStalls) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), absl::Milliseconds(20));
  ASSERT_EQ(full.ring.Publish(), 3u);  // Two are needed now.
  uint64_t looks = 0;
  BackPressure::Outcome outcome = BackPressure::kFull;
  for (const int64_t end = MonotonicNow() + kMinute;
       outcome == BackPressure::kFull && MonotonicNow() < end;) {
    full.reader.page().cursor.store(++looks % 2);
    outcome = pressure.Await(0);
  }
  EXPECT_EQ(outcome, BackPressure::kDropped);
}

TEST(BackPressure, ProgressPutsTheStallOff) {
  TestRing ring({.depth = 4, .max_loans = 4});
  TestReader reader = TestReader::Reliable(ring, StartAt::kNext, Wake);
  BackPressure pressure(ring.writer(), absl::Minutes(1));
  for (int i = 0; i < 4; ++i) ring.Publish();
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  while (reader.entry().stuck_for < kMillisecond) {
    ASSERT_EQ(pressure.Await(0), BackPressure::kFull);
  }
  TakeOne(reader);
  ring.Publish();
  EXPECT_EQ(pressure.Await(0), BackPressure::kFull);
  EXPECT_EQ(reader.entry().stuck_for, 0);
  EXPECT_EQ(reader.entry().stuck_at, 1u);
}

// A limit of nothing: nobody holds the publisher up.
TEST(BackPressure, NobodyIsWaitedForWithoutALimit) {
  FullRing full;
  BackPressure pressure(full.ring.writer(), -absl::Seconds(1));
  EXPECT_EQ(pressure.Await(INT64_MAX), BackPressure::kDropped);
}

// More of them than one thread can sleep on.
TEST(BackPressure, WaitsForMoreThanItCanSleepOn) {
  TestRing ring({.depth = 1, .max_subscribers = 300, .max_loans = 1, .payload_bytes = 8});
  BackPressure pressure(ring.writer(), kNever);
  std::vector<std::unique_ptr<TestReader>> readers;
  for (int i = 0; i < 300; ++i) {
    readers.emplace_back(new TestReader(TestReader::Reliable(ring, StartAt::kNext, Wake)));
  }
  for (int round = 0; round < 20; ++round) {
    ring.Publish();
    std::thread takers([&] {
      while (ring.view().waiting().load() == 0) std::this_thread::yield();
      for (auto& reader : readers) TakeOne(*reader);
    });
    EXPECT_EQ(pressure.Await(MonotonicNow() + kMinute), BackPressure::kRoom);
    takers.join();
  }
}

}  // namespace
}  // namespace holler
