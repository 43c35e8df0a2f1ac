// The ring in one thread: what is taken, what is lost, and which slots are used.
#include "holler/slot_ring.h"

#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "ring_support.h"

namespace holler {
namespace {

uint64_t TakeOne(RingReader& reader) {
  const auto sample = reader.Take();
  if (!sample.has_value()) return 0;
  EXPECT_TRUE(TestRing::IsWhole(*sample));
  reader.Release(sample->pin);
  return sample->sequence;
}

TEST(SlotRing, NothingToTakeBeforeTheFirstSample) {
  TestRing ring({});
  TestReader reader(ring);
  EXPECT_FALSE(reader->HasNext());
  EXPECT_FALSE(reader->Take().has_value());
  EXPECT_FALSE(reader->TakeLatest().has_value());
  EXPECT_FALSE(reader->PeekPublishTime().has_value());
  EXPECT_EQ(ring.writer().head(), 0u);
}

TEST(SlotRing, TakesEachSampleOnceInOrder) {
  TestRing ring({.depth = 4});
  TestReader reader(ring);
  for (uint64_t n = 1; n <= 4; ++n) EXPECT_EQ(ring.Publish(), n);
  EXPECT_TRUE(reader->HasNext());
  for (uint64_t n = 1; n <= 4; ++n) EXPECT_EQ(TakeOne(*reader), n);
  EXPECT_FALSE(reader->HasNext());
  EXPECT_EQ(TakeOne(*reader), 0u);
  EXPECT_EQ(reader->lost(), 0u);
}

TEST(SlotRing, HandsOutWhatWasPublished) {
  TestRing ring({.payload_bytes = 40});
  TestReader reader(ring);
  const uint32_t slot = ring.writer().Acquire();
  ring.Fill(slot, 1);
  ring.writer().Publish(slot, 24, 77, NoWaker{});
  const auto sample = reader->Take();
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->sequence, 1u);
  EXPECT_EQ(sample->size, 24u);
  EXPECT_EQ(sample->publish_time, 77);
  EXPECT_EQ(sample->payload, ring.view().payload(slot));
}

TEST(SlotRing, StartsAfterWhatWasPublishedBefore) {
  TestRing ring({.depth = 4});
  for (int i = 0; i < 3; ++i) ring.Publish();
  TestReader reader(ring);
  EXPECT_EQ(TakeOne(*reader), 0u);
  ring.Publish();
  EXPECT_EQ(TakeOne(*reader), 4u);
  EXPECT_EQ(reader->lost(), 0u);
}

class SlotRingDepth : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(, SlotRingDepth, testing::Values(1, 2, 3, 8, 64));

TEST_P(SlotRingDepth, CountsExactlyWhatWasOvertaken) {
  const uint64_t depth = GetParam();
  for (uint64_t count = 1; count <= 3 * depth + 2; ++count) {
    TestRing ring({.depth = GetParam()});
    TestReader reader(ring);
    for (uint64_t n = 0; n < count; ++n) ring.Publish();
    const uint64_t kept = std::min(count, depth);
    for (uint64_t n = count - kept + 1; n <= count; ++n) ASSERT_EQ(TakeOne(*reader), n);
    ASSERT_EQ(TakeOne(*reader), 0u);
    ASSERT_EQ(reader->lost(), count - kept);
    ASSERT_EQ(reader->skipped(), 0u);
  }
}

TEST_P(SlotRingDepth, KeepsUpForManyRounds) {
  TestRing ring({.depth = GetParam()});
  TestReader reader(ring);
  for (uint64_t n = 1; n <= 1'000; ++n) {
    ring.Publish();
    ASSERT_EQ(TakeOne(*reader), n);
  }
  EXPECT_EQ(reader->lost(), 0u);
}

// A reader that is behind by every number of samples in turn; so its hint is right, stale by some
// samples, or its slot was used anew.
TEST_P(SlotRingDepth, FallsBehindByAnyNumber) {
  TestRing ring({.depth = GetParam()});
  TestReader reader(ring);
  uint64_t expected = 1;
  for (uint64_t behind = 1; behind <= 3 * GetParam() + 3; ++behind) {
    for (uint64_t i = 0; i < behind; ++i) ring.Publish();
    const uint64_t head = ring.writer().head();
    const uint64_t oldest = head < GetParam() ? 1 : head - GetParam() + 1;
    expected = std::max(expected, oldest);
    ASSERT_EQ(TakeOne(*reader), expected) << "behind by " << behind;
    ++expected;
  }
  uint64_t rest = 0;
  while (TakeOne(*reader) != 0) ++rest;
  EXPECT_EQ(3 * GetParam() + 3 + rest + reader->lost(), ring.writer().head());
}

TEST(SlotRing, LatestSkipsOlderOnes) {
  TestRing ring({.depth = 4});
  TestReader reader(ring);
  for (int i = 0; i < 3; ++i) ring.Publish();
  const auto sample = reader->TakeLatest();
  ASSERT_TRUE(sample.has_value());
  EXPECT_EQ(sample->sequence, 3u);
  EXPECT_EQ(reader->skipped(), 2u);
  EXPECT_EQ(reader->lost(), 0u);
  EXPECT_FALSE(reader->TakeLatest().has_value());
  EXPECT_FALSE(reader->Take().has_value());
  for (int i = 0; i < 10; ++i) ring.Publish();
  EXPECT_EQ(reader->TakeLatest()->sequence, 13u);
  EXPECT_EQ(reader->skipped(), 11u);
  EXPECT_EQ(reader->lost(), 0u);
}

TEST(SlotRing, SkipAllPassesOverEverything) {
  TestRing ring({.depth = 2});
  TestReader reader(ring);
  ring.Publish();
  EXPECT_EQ(TakeOne(*reader), 1u);
  for (int i = 0; i < 5; ++i) ring.Publish();
  reader->SkipAll();
  EXPECT_FALSE(reader->HasNext());
  EXPECT_EQ(reader->skipped(), 5u);
  reader->SkipAll();
  EXPECT_EQ(reader->skipped(), 5u);
  ring.Publish();
  EXPECT_EQ(TakeOne(*reader), 7u);
}

TEST(SlotRing, PeekShowsTheTimeOfTheNextToTake) {
  TestRing ring({.depth = 3});
  TestReader reader(ring);
  for (int i = 0; i < 5; ++i) ring.Publish();
  for (uint64_t n = 3; n <= 5; ++n) {
    EXPECT_EQ(reader->PeekPublishTime(), static_cast<int64_t>(1'000 * n));
    EXPECT_EQ(TakeOne(*reader), n);
  }
  EXPECT_FALSE(reader->PeekPublishTime().has_value());
}

TEST(SlotRing, HoldsAtMostMaxSamples) {
  TestRing ring({.depth = 8, .max_samples = 3});
  TestReader reader(ring);
  for (int i = 0; i < 5; ++i) ring.Publish();
  std::vector<HeldSample> held;
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(reader->at_limit());
    held.push_back(*reader->Take());
  }
  EXPECT_TRUE(reader->at_limit());
  EXPECT_FALSE(reader->Take().has_value());
  EXPECT_FALSE(reader->TakeLatest().has_value());
  EXPECT_EQ(reader->lost() + reader->skipped(), 0u) << "refusing a take loses nothing";
  reader->Release(held[1].pin);
  EXPECT_FALSE(reader->at_limit());
  EXPECT_EQ(reader->Take()->sequence, 4u);
  EXPECT_TRUE(reader->at_limit());
}

TEST(SlotRing, HoldsAnyTellsOfPins) {
  TestRing ring({});
  TestReader reader(ring);
  ring.Publish();
  EXPECT_FALSE(reader->holds_any());
  const auto sample = reader->Take();
  EXPECT_TRUE(reader->holds_any());
  reader->Release(sample->pin);
  EXPECT_FALSE(reader->holds_any());
}

TEST(SlotRing, LendsAtMostMaxLoans) {
  TestRing ring({.max_loans = 3});
  std::set<uint32_t> slots;
  for (int i = 0; i < 3; ++i) slots.insert(ring.writer().Acquire());
  EXPECT_EQ(slots.size(), 3u) << "each loan is another slot";
  EXPECT_EQ(ring.writer().Acquire(), kNoSlot);
  EXPECT_EQ(ring.writer().loans(), 3u);
  ring.writer().Return(*slots.begin());
  EXPECT_EQ(ring.writer().loans(), 2u);
  EXPECT_NE(ring.writer().Acquire(), kNoSlot);
  EXPECT_EQ(ring.writer().Acquire(), kNoSlot);
}

TEST(SlotRing, LoansMayBePublishedInAnyOrder) {
  TestRing ring({.depth = 8, .max_loans = 3});
  TestReader reader(ring);
  uint64_t n = 0;
  const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int round = 0; round < 60; ++round) {
    uint32_t slots[3];
    for (uint32_t& slot : slots) slot = ring.writer().Acquire();
    for (const int i : orders[round % 6]) {
      ring.Fill(slots[i], ++n);
      EXPECT_EQ(ring.writer().Publish(slots[i], 64, 0, NoWaker{}), n);
    }
    for (uint64_t expected = n - 2; expected <= n; ++expected) {
      ASSERT_EQ(TakeOne(*reader), expected);
    }
  }
  EXPECT_EQ(reader->lost(), 0u);
}

TEST(SlotRing, AReturnedLoanIsNoSample) {
  TestRing ring({});
  TestReader reader(ring);
  for (uint64_t n = 1; n <= 100; ++n) {
    const uint32_t slot = ring.writer().Acquire();
    ring.Fill(slot, 12'345);
    ring.writer().Return(slot);
    EXPECT_FALSE(reader->HasNext());
    EXPECT_EQ(ring.Publish(), n);
    EXPECT_EQ(TakeOne(*reader), n);
  }
}

TEST(SlotRing, AHeldSlotIsNotUsedAgain) {
  TestRing ring({.depth = 2, .max_samples = 1});
  TestReader reader(ring);
  ring.Publish();
  const auto held = reader->Take();
  const uint32_t rounds = 10 * ring.layout().slot_count;
  for (uint32_t i = 0; i < rounds; ++i) {
    ring.Publish();
    ASSERT_TRUE(TestRing::IsWhole(*held)) << "after " << i + 1 << " more samples";
  }
  reader->Release(held->pin);
  EXPECT_EQ(reader->Take()->sequence, rounds);
  EXPECT_EQ(reader->lost(), rounds - 2);
}

// The budget: with every sample held that may be held, every loan out but one, there is a slot.
TEST(SlotRing, AFreeSlotAlwaysExists) {
  const RingShape shape{.depth = 3, .max_subscribers = 4, .max_samples = 3, .max_loans = 2};
  TestRing ring(shape);
  std::vector<std::unique_ptr<TestReader>> readers;
  for (uint32_t r = 0; r < shape.max_subscribers; ++r) {
    readers.push_back(std::make_unique<TestReader>(ring));
  }
  // Each reader holds samples that nobody else holds.
  for (auto& reader : readers) {
    for (uint32_t i = 0; i < shape.max_samples; ++i) {
      ring.Publish();
      ASSERT_TRUE((*reader)->TakeLatest().has_value());
    }
  }
  for (uint32_t i = 0; i < 10 * ring.layout().slot_count; ++i) {
    const uint32_t a = ring.writer().Acquire();
    const uint32_t b = ring.writer().Acquire();
    ASSERT_NE(a, kNoSlot);
    ASSERT_NE(b, kNoSlot);
    ring.writer().Return(a);
    ring.writer().Publish(b, 8, 0, NoWaker{});
  }
}

TEST(SlotRing, ReusesWarmSlots) {
  TestRing ring({.depth = 1, .max_subscribers = 1'000, .max_samples = 60});
  std::set<uint32_t> used;
  for (int i = 0; i < 10'000; ++i) {
    const uint32_t slot = ring.writer().Acquire();
    used.insert(slot);
    ring.writer().Publish(slot, 8, 0, NoWaker{});
  }
  EXPECT_LT(used.size(), 64u) << "of " << ring.layout().slot_count;
}

class SlotRingHint : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(PayloadBytes, SlotRingHint, testing::Values(64, 200'000));

TEST_P(SlotRingHint, IsTheNextSlot) {
  const uint32_t depth = 8;
  TestRing ring({.depth = depth, .payload_bytes = GetParam()});
  uint32_t hint = kNoSlot;
  uint32_t right = 0;
  for (int i = 0; i < 100; ++i) {
    const uint32_t slot = ring.writer().Acquire();
    right += slot == hint ? 1 : 0;
    ring.writer().Publish(slot, 8, 0, NoWaker{});
    hint = ring.view().slot(slot).next_slot.load();
  }
  // Of large ones, not before the ring is full.
  EXPECT_EQ(right, GetParam() == 64 ? 99u : 99u - depth);
}

// While a reader holds the slot that was hinted at, samples go elsewhere.
TEST_P(SlotRingHint, HidesNothingWhileItsSlotIsHeld) {
  TestRing ring({.depth = 2, .max_samples = 3, .payload_bytes = GetParam()});
  TestReader holder(ring);
  TestReader reader(ring);
  std::vector<HeldSample> held;
  for (uint64_t n = 1; n <= 300; ++n) {
    ring.Publish();
    ASSERT_EQ(TakeOne(*reader), n);
    ASSERT_EQ(TakeOne(*reader), 0u);
    const auto sample = holder->Take();
    ASSERT_TRUE(sample.has_value());
    held.push_back(*sample);
    if (held.size() == 3) {
      for (const HeldSample& one : held) ASSERT_TRUE(TestRing::IsWhole(one));
      const auto released = held.begin() + static_cast<std::ptrdiff_t>(n * 7 % 3);
      holder->Release(released->pin);
      held.erase(released);
    }
  }
  EXPECT_EQ(reader->lost() + holder->lost(), 0u);
}

// Large slots of short rings are used in turn, as few as can be.
TEST(SlotRing, FewLargeSlotsAreUsed) {
  TestRing ring({.depth = 1, .payload_bytes = 200'000});
  TestReader reader(ring);
  std::set<uint32_t> used;
  for (uint64_t n = 1; n <= 100; ++n) {
    const uint32_t slot = ring.writer().Acquire();
    used.insert(slot);
    ring.Fill(slot, n);
    ring.writer().Publish(slot, 200'000, 0, NoWaker{});
    ASSERT_EQ(TakeOne(*reader), n);
  }
  EXPECT_EQ(used.size(), 2u);
}

// Who waits where the hint says must learn it if the sample went elsewhere, at whatever time it
// looks.
TEST(SlotRing, AWrongHintHidesNothing) {
  TestRing ring({.depth = 4, .max_loans = 2});
  TestReader reader(ring);
  ring.Publish();
  ASSERT_EQ(TakeOne(*reader), 1u);
  for (uint64_t n = 2; n <= 200; ++n) {
    const uint32_t hinted = ring.writer().Acquire();
    const uint32_t other = ring.writer().Acquire();
    ASSERT_EQ(TakeOne(*reader), 0u);
    ring.Fill(other, n);
    ring.writer().Publish(other, 64, 0, NoWaker{});
    ASSERT_EQ(TakeOne(*reader), n);
    ASSERT_EQ(TakeOne(*reader), 0u);
    ring.writer().Return(hinted);
  }
  EXPECT_EQ(reader->lost(), 0u);
}

// A publisher that names a slot and goes on elsewhere, without a word there.
TEST(SlotRing, AHintThatLiesIsFoundOut) {
  TestRing ring({.depth = 2});
  TestReader reader(ring);
  ring.Publish();
  ASSERT_EQ(TakeOne(*reader), 1u);
  uint32_t slot = ring.writer().Acquire();
  ring.writer().Publish(slot, 64, 0, NoWaker{});
  ring.view().slot(slot).sequence.store(0);
  int looks = 0;
  while (reader->HasNext() && looks < 1'000) {
    EXPECT_EQ(TakeOne(*reader), 0u);
    ++looks;
  }
  EXPECT_LT(looks, 100);
  EXPECT_EQ(reader->lost(), 1u);
  ring.Publish();
  EXPECT_EQ(TakeOne(*reader), 3u);
}

TEST(SlotRing, ABatchIsThereWhenItIsAnnounced) {
  TestRing ring({.depth = 8});
  TestReader reader(ring);
  reader->Arm(WakeBy::kBell);
  for (uint64_t n = 1; n <= 5; ++n) ring.Put();
  EXPECT_FALSE(reader->HasNext());
  EXPECT_EQ(ring.writer().head(), 0u);
  EXPECT_EQ(ring.writer().unannounced(), 5u);
  int woken = 0;
  const auto count = [&](const Reader&) { ++woken; };
  ring.writer().Announce(CallWaker<decltype(count)&>{count});
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(ring.writer().head(), 5u);
  EXPECT_EQ(ring.writer().unannounced(), 0u);
  for (uint64_t n = 1; n <= 5; ++n) ASSERT_EQ(TakeOne(*reader), n);
}

TEST_P(SlotRingDepth, CountsExactlyWhatABatchOvertook) {
  const uint64_t depth = GetParam();
  for (uint64_t count = 1; count <= 3 * depth + 2; ++count) {
    TestRing ring({.depth = GetParam()});
    TestReader reader(ring);
    ring.Publish();
    ASSERT_EQ(TakeOne(*reader), 1u);
    for (uint64_t n = 0; n < count; ++n) ring.Put();
    ring.writer().Announce(NoWaker{});
    const uint64_t kept = std::min(count, depth);
    for (uint64_t n = count - kept + 1; n <= count; ++n) ASSERT_EQ(TakeOne(*reader), n + 1);
    ASSERT_EQ(TakeOne(*reader), 0u);
    ASSERT_EQ(reader->lost(), count - kept);
  }
}

// Head does not say yet what a batch has taken out of the ring.
TEST_P(SlotRingDepth, WhoIsBehindDuringABatchLosesOnlyWhatIsGone) {
  const uint64_t depth = GetParam();
  for (uint64_t put = 1; put < std::min<uint64_t>(depth, kMostUnannounced + 1); ++put) {
    TestRing ring({.depth = GetParam()});
    TestReader reader(ring);
    for (uint64_t n = 0; n < depth; ++n) ring.Publish();
    for (uint64_t n = 0; n < put; ++n) ring.Put();
    ASSERT_EQ(reader->PeekPublishTime(), static_cast<int64_t>(1'000 * (put + 1)));
    for (uint64_t n = put + 1; n <= depth; ++n) ASSERT_EQ(TakeOne(*reader), n);
    ASSERT_EQ(reader->lost(), put);
    ring.writer().Announce(NoWaker{});
    for (uint64_t n = depth + 1; n <= depth + put; ++n) ASSERT_EQ(TakeOne(*reader), n);
    ASSERT_EQ(reader->lost(), put);
  }
}

// Who looks at a publisher's samples without its knowledge must see that it goes on, before it
// overwrites any of them.
TEST_P(SlotRingDepth, WhoGoesOnIsSeenBeforeItOverwrites) {
  TestRing ring({.depth = GetParam()});
  TestReader reader(ring);
  for (uint64_t n = 0; n < 3 * GetParam(); ++n) ring.Publish();
  const uint64_t head = reader->head();
  uint64_t written = reader->written();
  EXPECT_EQ(written, head);
  EXPECT_FALSE(reader->WentOn(head, written));
  ring.Put();
  EXPECT_TRUE(reader->WentOn(head, written));
  // One that dies in the middle of a batch does not go on.
  written = reader->written();
  EXPECT_EQ(written, head + 1);
  EXPECT_FALSE(reader->WentOn(head, written));
  ring.writer().Announce(NoWaker{});
  EXPECT_TRUE(reader->WentOn(head, written));
}

TEST(SlotRing, WhoLiesInItsRingHasNothingWritten) {
  TestRing ring({.depth = 4});
  TestReader reader(ring);
  ring.Publish();
  for (uint32_t i = 0; i < 4; ++i) ring.view().ring(i).store(kNoSlot);
  EXPECT_EQ(reader->written(), 1u);
  EXPECT_FALSE(reader->WentOn(1, 1));
}

TEST(SlotRing, ABatchOfTakesIsWhatThereWas) {
  TestRing ring({.depth = 64});
  auto reader = TestReader::Reliable(ring);
  for (int i = 0; i < 20; ++i) ring.Publish();
  reader->StartBatch();
  ring.Publish();
  for (uint64_t n = 1; n <= 20; ++n) {
    ASSERT_EQ(TakeOne(*reader), n);
    ASSERT_EQ(reader.page().cursor.load(), n) << "who is slow at it is not taken for stalled";
  }
  EXPECT_EQ(TakeOne(*reader), 0u);
  reader->EndBatch();
  EXPECT_EQ(reader.page().cursor.load(), 20u);
  EXPECT_EQ(TakeOne(*reader), 21u);
  EXPECT_EQ(reader.page().cursor.load(), 21u);
}

TEST(ReaderTable, IsFullAtCapacity) {
  ReaderTable table(2);
  Reader a;
  Reader b;
  Reader c;
  EXPECT_TRUE(table.Enter(&a));
  EXPECT_TRUE(table.Enter(&b));
  EXPECT_FALSE(table.Enter(&c));
  EXPECT_EQ(table.count(), 2u);
  table.Remove(&a);
  EXPECT_EQ(table.count(), 1u);
  EXPECT_TRUE(table.Enter(&c));
  std::set<Reader*> seen;
  table.ForEach([&](Reader& reader) { seen.insert(&reader); });
  EXPECT_EQ(seen, (std::set<Reader*>{&b, &c}));
}

TEST(ReaderTable, RemovingAStrangerChangesNothing) {
  ReaderTable table(2);
  Reader a;
  Reader b;
  table.Enter(&a);
  table.Remove(&b);
  EXPECT_EQ(table.count(), 1u);
}

TEST(Ringing, OnlyThoseThatSleep) {
  TestRing ring({.max_subscribers = 3});
  TestReader awake(ring);
  TestReader asleep(ring);
  asleep->Arm(WakeBy::kBell);
  std::vector<const Reader*> rung;
  ring.Publish([&](const Reader& reader) { rung.push_back(&reader); });
  EXPECT_EQ(rung, std::vector<const Reader*>{&asleep.entry()});
}

TEST(Ringing, OnceForEachSleep) {
  TestRing ring({});
  TestReader reader(ring);
  int rings = 0;
  const auto publish = [&] { ring.Publish([&](const Reader&) { ++rings; }); };
  reader->Arm(WakeBy::kBell);
  EXPECT_FALSE(reader->HeadMoved());
  publish();
  publish();
  EXPECT_EQ(rings, 1);
  EXPECT_TRUE(reader->HeadMoved());
  reader->Arm(WakeBy::kBell);
  publish();
  EXPECT_EQ(rings, 2);
  reader->Disarm();
  publish();
  EXPECT_EQ(rings, 2);
}

// Records how sleepers are to be woken.
struct RecordingWaker {
  std::vector<WakeBy> woken;
  bool succeeds = true;
  bool Wake(const Reader&, WakeBy how) {
    woken.push_back(how);
    return succeeds;
  }
};

TEST(Ringing, EachAsItWishes) {
  TestRing ring({.max_subscribers = 3});
  TestReader on_futex(ring);
  TestReader on_bell(ring);
  TestReader awake(ring);
  EXPECT_EQ(on_futex->Arm(WakeBy::kFutex), 0u);
  EXPECT_EQ(on_bell->Arm(WakeBy::kBell), 0u);
  RecordingWaker waker;
  ring.PublishWith(waker);
  EXPECT_EQ(waker.woken, (std::vector{WakeBy::kFutex, WakeBy::kBell}));
  ring.PublishWith(waker);
  EXPECT_EQ(waker.woken.size(), 2u) << "once for each sleep";
  EXPECT_EQ(on_futex->Arm(WakeBy::kFutex), 2u);
  ring.PublishWith(waker);
  EXPECT_EQ(waker.woken.size(), 3u);
}

TEST(Ringing, WhatFailedIsTriedAgain) {
  TestRing ring({});
  TestReader reader(ring);
  reader->Arm(WakeBy::kBell);
  RecordingWaker waker{.woken = {}, .succeeds = false};
  ring.PublishWith(waker);
  waker.succeeds = true;
  ring.PublishWith(waker);
  ring.PublishWith(waker);
  EXPECT_EQ(waker.woken.size(), 2u);
}

// The publisher has stored a head, a reader takes that sample and lies down, and only then does the
// publisher look for sleepers: this one is not to be woken for it, but for the next.
TEST(Ringing, NotForASampleThatIsKnown) {
  for (const WakeBy how : {WakeBy::kFutex, WakeBy::kBell}) {
    TestRing ring({.max_subscribers = 2});
    TestReader other(ring);
    TestReader reader(ring);
    other->Arm(WakeBy::kBell);
    ring.Publish([&](const Reader& rung) {  // `other` is looked at first.
      if (&rung != &other.entry()) return;
      reader->Release(reader->Take()->pin);
      EXPECT_EQ(reader->Arm(how), 1u);
      EXPECT_FALSE(reader->HeadMoved());
    });
    EXPECT_EQ(reader.entry().last_rung, 0u) << "counted as woken, and the next sample would not";
    RecordingWaker waker;
    ring.PublishWith(waker);
    EXPECT_EQ(waker.woken, std::vector{how});
  }
}

TEST(Ringing, TheArmedWordSaysHowAndSinceWhen) {
  for (const uint64_t n :
       {uint64_t{0}, uint64_t{1}, uint64_t{(1u << 30) - 1}, uint64_t{1} << 30, UINT64_MAX - 1}) {
    for (const WakeBy how : {WakeBy::kFutex, WakeBy::kBell}) {
      EXPECT_NE(ArmedWord(n, how), 0u);
      EXPECT_EQ(HowToWake(ArmedWord(n, how)), how);
      EXPECT_TRUE(IsKnown(ArmedWord(n, how), n));
      EXPECT_FALSE(IsKnown(ArmedWord(n, how), n + 1));
    }
  }
}

// The armed words of two sleeps are equal if 2^30 samples lie between them.
TEST(Ringing, AWordThatComesAgainIsAnotherSleep) {
  TestRing ring({});
  TestReader reader(ring);
  int rings = 0;
  const auto publish = [&] { ring.Publish([&](const Reader&) { ++rings; }); };
  const uint32_t word = ArmedWord(12'345, WakeBy::kBell);
  reader.page().armed.store(word);
  publish();
  reader.page().armed.store(0);
  publish();
  reader.page().armed.store(word);
  publish();
  EXPECT_EQ(rings, 2);
}

TEST(StaticProperties, OfWhatIsShared) {
  static_assert(sizeof(SlotHeader) == 24, "with a short payload on one cache line");
  static_assert(offsetof(SubscriberPage, armed) % kCacheLine == 0);
  static_assert(
      offsetof(SubscriberPage, cursor) / kCacheLine != offsetof(SubscriberPage, armed) / kCacheLine,
      "what publishers read with each sample is not what subscribers write with each");
  static_assert(offsetof(SubscriberPage, pins) / kCacheLine ==
                offsetof(SubscriberPage, cursor) / kCacheLine);
  static_assert(sizeof(SubscriberPage) <= kPageBytes);
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  static_assert(std::atomic<uint32_t>::is_always_lock_free);
  static_assert(std::is_trivially_destructible_v<SubscriberPage>);
  static_assert(std::is_trivially_destructible_v<SlotHeader>);
  static_assert(std::is_standard_layout_v<SlotHeader>);
  static_assert(std::is_standard_layout_v<SubscriberPage>);
  static_assert(!std::is_copy_constructible_v<RingWriter>);
  static_assert(std::is_trivially_copyable_v<HeldSample>);
  static_assert(std::is_trivially_copyable_v<SegmentLayout>);
}

}  // namespace
}  // namespace holler
