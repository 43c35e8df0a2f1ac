// What the two sides of a ring count in the memory they share, and what is read from memory that
// says anything.
#include "holler/counters.h"

#include <cstdint>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/clock.h"
#include "holler/segment.h"
#include "holler/slot_ring.h"
#include "ring_support.h"
#include "segment_support.h"

namespace holler {
namespace {

void TakeAll(RingReader& reader) {
  while (const auto sample = reader.Take()) reader.Release(sample->pin);
}

TEST(Counters, LieOnLinesThatNoStepOfTheRingTouches) {
  static_assert(kTallyOffset % kCacheLine == 0 && kWaitingOffset % kCacheLine == 0);
  static_assert(kTallyOffset + sizeof(PublisherTally) == kSegmentHeaderBytes);
  static_assert(offsetof(SubscriberPage, tally) % kCacheLine == 0);
  static_assert(offsetof(SubscriberPage, tally) >=
                offsetof(SubscriberPage, pins) + sizeof(SubscriberPage::pins));
  SUCCEED();
}

TEST(Counters, LostAndSkippedAreInThePage) {
  TestRing ring({.depth = 4});
  TestReader reader(ring);
  for (int i = 0; i < 10; ++i) ring.Publish();
  TakeAll(*reader);
  EXPECT_EQ(reader.page().tally.Read().lost, 6u);
  EXPECT_EQ(reader.page().tally.Read().longest_lag, 10u);
  for (int i = 0; i < 3; ++i) ring.Publish();
  const auto latest = reader->TakeLatest();
  ASSERT_TRUE(latest.has_value());
  EXPECT_EQ(reader.page().tally.Read().skipped, 2u);
  EXPECT_EQ(reader.page().tally.Read().longest_lag, 10u);
  ring.Publish();
  reader->SkipAll();
  EXPECT_EQ(reader.page().tally.Read().skipped, 3u);
  EXPECT_EQ(reader.page().tally.Read(), reader->counters());
  EXPECT_EQ(reader->publisher_counters().published, 14u);
}

TEST(Counters, WhatBecameOfSamplesIsTheCallersToSay) {
  TestRing ring({});
  TestReader reader(ring);
  for (int i = 0; i < 129; ++i) reader->CountTaken();
  reader->CountMalformed();
  reader->CountSkipped();
  reader->CountLatency(1'000, false);
  reader->CountLatency(-5, true);
  const SubscriberCounters counters = reader->counters();
  EXPECT_EQ(counters.taken, 128u);
  EXPECT_EQ(counters.malformed, 1u);
  EXPECT_EQ(counters.skipped, 1u);
  EXPECT_EQ(counters.wakeups, 1u);
  EXPECT_EQ(counters.latency.count(), 2u);
  EXPECT_EQ(counters.latency.buckets()[0], 1u);
  EXPECT_EQ(counters.latency.max(), absl::Nanoseconds(1'000));
}

TEST(Counters, AWakeUpIsCountedWhenItIsMade) {
  TestRing ring({});
  TestReader reader(ring);
  struct FailingWaker {
    bool Wake(const Reader&, WakeBy) { return false; }
  };
  ring.Publish();
  EXPECT_EQ(ring.writer().counters().wakeups, 0u);
  TakeAll(*reader);
  reader->Arm(WakeBy::kBell);
  ring.PublishWith(FailingWaker{});
  EXPECT_EQ(ring.writer().counters().wakeups, 0u);
  ring.Publish();
  ring.Publish();  // It was woken.
  EXPECT_EQ(ring.writer().counters().wakeups, 1u);
  EXPECT_EQ(ring.writer().counters().published, 4u);
}

TEST(Counters, ASegmentTellsWhenItWasMade) {
  const int64_t before = MonotonicNow();
  auto segment = Segment::Create(TestTopic());
  ASSERT_TRUE(segment.ok()) << segment.status();
  auto mapped = PeerSegment::Map(Dup(segment->fd()));
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_GE((*mapped)->counters().created_at, before);
  EXPECT_LE((*mapped)->counters().created_at, MonotonicNow());
  EXPECT_EQ((*mapped)->counters().published, 0u);
}

TEST(Counters, AnyBytesAreCounters) {
  TestRing ring({});
  TestReader reader(ring);
  std::memset(static_cast<void*>(&reader.page().tally), 0xFF, sizeof(SubscriberTally));
  std::memset(ring.memory() + kTallyOffset, 0xFF, sizeof(PublisherTally));
  ring.view().head().store(UINT64_MAX);
  SubscriberCounters counters = reader.page().tally.Read();
  EXPECT_EQ(counters.taken, UINT64_MAX);
  EXPECT_EQ(counters.latency.count(), UINT64_MAX);
  counters += counters;
  EXPECT_EQ(ring.view().counters().published, UINT64_MAX);
  EXPECT_EQ(ring.view().counters().created_at, -1);
}

TEST(Counters, OthersReadWhileOneThreadCounts) {
  constexpr uint64_t kSamples = 20'000;
  TestRing ring({});
  TestReader reader(ring);
  std::thread observer([&] {
    SubscriberCounters before;
    while (before.taken < kSamples) {
      const SubscriberCounters now = reader.page().tally.Read();
      EXPECT_GE(now.taken, before.taken);
      EXPECT_GE(now.latency.count(), before.latency.count());
      EXPECT_LE(ring.view().counters().published, kSamples);
      before = now;
    }
  });
  for (uint64_t n = 1; n <= kSamples; ++n) {
    ring.Publish();
    TakeAll(*reader);
    reader->CountTaken();
    if (n % 64 == 0) reader->CountLatency(static_cast<int64_t>(n), true);
  }
  observer.join();
  EXPECT_EQ(reader->counters().latency.count(), kSamples / 64);
}

}  // namespace
}  // namespace holler
