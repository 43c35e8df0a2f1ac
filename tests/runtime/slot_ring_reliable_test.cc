// Reliable rings: how far the publisher may go, whom it waits for, and who wakes it.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/clock.h"
#include "holler/futex.h"
#include "holler/slot_ring.h"
#include "ring_support.h"
#include "stress_support.h"

namespace holler {
namespace {

// Takes and releases up to `most` samples. Returns how many there were.
uint64_t TakeSome(RingReader& reader, uint64_t most) {
  uint64_t count = 0;
  while (count < most) {
    const auto sample = reader.Take();
    if (!sample.has_value()) break;
    EXPECT_TRUE(TestRing::IsWhole(*sample));
    reader.Release(sample->pin);
    ++count;
  }
  return count;
}

// Publishes while there is room, up to `most` samples. Returns how many that were.
uint64_t PublishSome(TestRing& ring, uint64_t most) {
  uint64_t count = 0;
  while (count < most && ring.writer().HasRoom()) {
    ring.Publish();
    ++count;
  }
  return count;
}

TEST(ReliableRing, HasRoomForEverWhenNobodyIsWaitedFor) {
  TestRing ring({.depth = 4});
  EXPECT_EQ(PublishSome(ring, 100), 100u);
  TestReader best_effort(ring);
  EXPECT_EQ(PublishSome(ring, 100), 100u);
  EXPECT_EQ(TakeSome(*best_effort, 100), 4u);
  EXPECT_EQ(best_effort->lost(), 96u);
}

// What is put and not announced yet is owed to who joins meanwhile.
TEST(ReliableRing, WhoJoinsDuringABatchMissesNothing) {
  TestRing ring({.depth = 4, .max_loans = 1});
  const auto put = [&](uint64_t most) {
    uint64_t count = 0;
    while (count < most && ring.writer().HasRoom()) {
      ring.Put();
      ++count;
    }
    return count;
  };
  EXPECT_EQ(PublishSome(ring, 2), 2u);
  EXPECT_EQ(put(3), 3u) << "the look at who is to be waited for is in the middle of the batch";
  auto late = TestReader::Reliable(ring);
  EXPECT_EQ(late.start(), 2u);
  EXPECT_EQ(put(100), 1u) << "room for its depth, after what it starts from";
  ring.writer().Announce(NoWaker{});
  EXPECT_EQ(TakeSome(*late, 100), 4u);
  EXPECT_EQ(late->lost(), 0u);
}

TEST(ReliableRing, IsFullWhenTheSlowestIsBehindByItsDepth) {
  for (const uint32_t depth : {1u, 2u, 7u}) {
    TestRing ring({.depth = depth, .max_loans = 1});
    auto slow = TestReader::Reliable(ring);
    auto fast = TestReader::Reliable(ring);
    EXPECT_EQ(PublishSome(ring, 100), depth);
    EXPECT_EQ(TakeSome(*fast, 100), depth);
    EXPECT_FALSE(ring.writer().HasRoom());
    EXPECT_EQ(ring.writer().needed_cursor(), 1u);
    for (uint64_t n = 1; n <= 3 * depth; ++n) {
      EXPECT_EQ(TakeSome(*slow, 1), 1u);
      EXPECT_EQ(PublishSome(ring, 100), 1u);
      EXPECT_EQ(TakeSome(*fast, 100), 1u);
      EXPECT_EQ(ring.writer().needed_cursor(), n + 1);
    }
    EXPECT_EQ(slow->lost() + fast->lost(), 0u);
  }
}

// What is lent out will be published, and needs room as well.
TEST(ReliableRing, LoansTakeRoom) {
  TestRing ring({.depth = 3, .max_loans = 3});
  auto reader = TestReader::Reliable(ring);
  ring.Publish();
  std::vector<uint32_t> loans;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(ring.writer().HasRoom());
    loans.push_back(ring.writer().Acquire());
  }
  EXPECT_FALSE(ring.writer().HasRoom());
  ring.writer().Return(loans.back());
  EXPECT_TRUE(ring.writer().HasRoom());
  loans.back() = ring.writer().Acquire();
  for (const uint32_t slot : loans) {
    ring.Fill(slot, ring.writer().head() + 1);
    ring.writer().Publish(slot, ring.layout().payload_capacity, 0, NoWaker{});
  }
  EXPECT_FALSE(ring.writer().HasRoom());
  EXPECT_EQ(TakeSome(*reader, 100), 3u);
  EXPECT_EQ(reader->lost(), 0u);
  EXPECT_TRUE(ring.writer().HasRoom());
}

TEST(ReliableRing, HeldSamplesTakeNoRoom) {
  TestRing ring({.depth = 2, .max_samples = 1});
  auto reader = TestReader::Reliable(ring);
  EXPECT_EQ(PublishSome(ring, 100), 2u);
  const auto held = reader->Take();
  ASSERT_TRUE(held.has_value());
  EXPECT_EQ(PublishSome(ring, 100), 1u);
  EXPECT_FALSE(reader->Take().has_value()) << "max_samples are held";
  EXPECT_TRUE(TestRing::IsWhole(*held));
  reader->Release(held->pin);
  EXPECT_EQ(TakeSome(*reader, 100), 2u);
  EXPECT_EQ(reader->lost(), 0u);
}

TEST(ReliableRing, TakingTheNewestAndSkippingMakeRoom) {
  TestRing ring({.depth = 3});
  auto reader = TestReader::Reliable(ring);
  PublishSome(ring, 100);
  const auto newest = reader->TakeLatest();
  ASSERT_TRUE(newest.has_value());
  reader->Release(newest->pin);
  EXPECT_EQ(PublishSome(ring, 100), 3u);
  reader->SkipAll();
  EXPECT_EQ(PublishSome(ring, 100), 3u);
  EXPECT_EQ(reader->lost(), 0u);
  EXPECT_EQ(reader->skipped(), 5u);
}

// History that is there when a subscriber joins is kept for it, too.
TEST(ReliableRing, WhoStartsWithTheOldestGetsIt) {
  TestRing ring({.depth = 4, .max_subscribers = 3});
  auto before = TestReader::Reliable(ring);
  while (ring.writer().head() < 10) {
    PublishSome(ring, 1);
    TakeSome(*before, 1);
  }
  PublishSome(ring, 100);
  const uint64_t head = ring.writer().head();
  auto oldest = TestReader::Reliable(ring, StartAt::kOldest);
  auto newest = TestReader::Reliable(ring, StartAt::kNewest);
  EXPECT_EQ(oldest.start(), head - 4);
  EXPECT_EQ(newest.start(), head - 1);
  TakeSome(*before, 100);
  EXPECT_FALSE(ring.writer().HasRoom());
  EXPECT_EQ(TakeSome(*oldest, 4), 4u);
  EXPECT_EQ(PublishSome(ring, 100), 3u) << "the newest is behind by one";
  EXPECT_EQ(TakeSome(*newest, 100), 4u);
  EXPECT_EQ(TakeSome(*oldest, 100), 3u);
  EXPECT_EQ(oldest->lost() + newest->lost(), 0u);
}

// What the publisher had leave to overwrite when somebody joined may be gone; it was never owed.
TEST(ReliableRing, HistoryThatIsGoneIsNotLost) {
  TestRing ring({.depth = 4});
  EXPECT_TRUE(ring.writer().HasRoom());  // For four samples, whoever comes.
  PublishSome(ring, 2);
  auto reader = TestReader::Reliable(ring, StartAt::kOldest);
  EXPECT_EQ(PublishSome(ring, 100), 2u);
  EXPECT_EQ(TakeSome(*reader, 2), 2u);
  EXPECT_EQ(PublishSome(ring, 100), 2u);
  auto late = TestReader::Reliable(ring, StartAt::kOldest);
  EXPECT_EQ(TakeSome(*reader, 100), 4u);
  EXPECT_EQ(PublishSome(ring, 100), 0u);
  EXPECT_EQ(TakeSome(*late, 100), 4u);
  EXPECT_EQ(reader->lost() + late->lost(), 0u);
}

TEST(ReliableRing, WhoLeavesIsNotWaitedFor) {
  TestRing ring({.depth = 2});
  {
    auto reader = TestReader::Reliable(ring);
    EXPECT_EQ(PublishSome(ring, 100), 2u);
  }
  EXPECT_EQ(PublishSome(ring, 100), 100u);
  auto reader = TestReader::Reliable(ring);
  PublishSome(ring, 100);
  reader.page().cursor.store(kTakesNoMore);
  EXPECT_EQ(PublishSome(ring, 100), 100u);
}

// A dropped subscriber is waited for again once it takes; then nothing new is lost.
TEST(ReliableRing, WhoWasDroppedComesBackByTaking) {
  TestRing ring({.depth = 2});
  auto reader = TestReader::Reliable(ring);
  PublishSome(ring, 100);
  EXPECT_EQ(TakeSome(*reader, 1), 1u);
  PublishSome(ring, 100);
  reader.entry().is_dropped = true;
  reader.entry().stuck_at = 1;
  EXPECT_EQ(PublishSome(ring, 100), 100u);
  const uint64_t head = ring.writer().head();
  EXPECT_EQ(TakeSome(*reader, 1), 1u);
  const uint64_t lost = reader->lost();
  EXPECT_EQ(lost, head - 3);  // All but the first, and the two in the ring.
  PublishSome(ring, 100);
  EXPECT_FALSE(reader.entry().is_dropped);
  EXPECT_FALSE(ring.writer().HasRoom());
  for (int i = 0; i < 20; ++i) {
    TakeSome(*reader, 1);
    PublishSome(ring, 100);
  }
  EXPECT_LE(reader->lost() - lost, ring.layout().depth);
}

// Nothing in a page is believed: neither a cursor beyond the head nor one that goes back overwrites
// what others have not taken.
TEST(ReliableRing, LiarsHurtThemselvesOnly) {
  TestRing ring({.depth = 3});
  auto honest = TestReader::Reliable(ring);
  auto liar = TestReader::Reliable(ring);
  PublishSome(ring, 100);
  for (const uint64_t lie : {uint64_t{1'000'000}, UINT64_MAX, uint64_t{1} << 63, uint64_t{0}}) {
    liar.page().cursor.store(lie);
    EXPECT_FALSE(ring.writer().HasRoom()) << lie;
  }
  liar.page().cursor.store(UINT64_MAX);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(TakeSome(*honest, 1), 1u);
    EXPECT_EQ(PublishSome(ring, 100), 1u);
  }
  EXPECT_EQ(honest->lost(), 0u);
}

// ---- Waking ----

int woken = 0;

// Its handler may take long: whoever sleeps until there is room must not sleep until the batch
// ends.
TEST(ReliableRing, ATakeOfABatchWakesWhoIsSeenWaiting) {
  static std::atomic<int> woken;
  woken = 0;
  TestRing ring({.depth = 4});
  auto reader = TestReader::Reliable(ring, StartAt::kNext, [](const void*) noexcept { ++woken; });
  for (int i = 0; i < 4; ++i) ring.Publish();
  EXPECT_FALSE(ring.writer().HasRoom());
  ring.writer().SetWaiting(ring.writer().needed_cursor());
  reader->StartBatch();
  const auto first = reader->Take();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(woken, 1);
  EXPECT_TRUE(ring.writer().HasRoom());
  reader->Release(first->pin);
  const auto second = reader->Take();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(woken, 1) << "one wake-up for one wait";
  reader->EndBatch();
  EXPECT_EQ(woken, 1);
}

TEST(ReliableRing, OnlyTheStepThatIsNeededWakes) {
  woken = 0;
  TestRing ring({.depth = 4, .max_loans = 4});
  auto reader = TestReader::Reliable(ring, StartAt::kNext, [](const void*) noexcept { ++woken; });
  PublishSome(ring, 100);
  TakeSome(*reader, 1);
  EXPECT_EQ(woken, 0) << "nobody waits";
  ring.writer().SetWaiting(3);
  TakeSome(*reader, 1);
  EXPECT_EQ(woken, 0) << "not far enough";
  TakeSome(*reader, 1);
  EXPECT_EQ(woken, 1);
  TakeSome(*reader, 1);
  EXPECT_EQ(woken, 1) << "was woken already";
  PublishSome(ring, 4);
  ring.writer().SetWaiting(6);
  reader->SkipAll();
  EXPECT_EQ(woken, 2) << "passed over the one needed";
  ring.writer().SetWaiting(0);
  PublishSome(ring, 4);
  TakeSome(*reader, 4);
  EXPECT_EQ(woken, 2);
}

uint64_t ReliableSamples() { return StressRounds(200'000); }

void WakeWithinProcess(const void* cursor) noexcept { WakeSleeper(cursor, false); }

// Sleeps until there is room: B1 to B3. False: too long.
bool AwaitRoom(RingWriter& writer) {
  bool in_time = true;
  while (in_time && !writer.HasRoom()) {
    const uint64_t needed = writer.needed_cursor();
    writer.SetWaiting(needed);
    std::vector<FutexWord> words;
    writer.ForEachReliable([&](const Reader& reader, uint64_t cursor) {
      if (std::max(cursor, reader.start) >= needed) return;
      words.push_back({&reader.page->cursor, static_cast<uint32_t>(cursor), false});
    });
    if (!words.empty()) in_time = SleepOnWords(words, MonotonicNow() + 60'000'000'000);
  }
  writer.SetWaiting(0);
  return in_time;
}

// A wake-up that is lost would leave the publisher asleep; room that is none would lose a sample.
TEST(ReliableRing, NoWakeUpAndNoSampleIsLost) {
  if (!CanSleepOnWords()) GTEST_SKIP() << "an old kernel";
  TestRing ring({.depth = 2, .max_subscribers = 4});
  std::atomic<bool> done{false};
  std::vector<std::unique_ptr<TestReader>> readers;
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) {
    readers.emplace_back(
        new TestReader(TestReader::Reliable(ring, StartAt::kNext, WakeWithinProcess)));
    threads.emplace_back([&done, i, &reader = **readers.back()] {
      std::mt19937 random(i);
      uint64_t last = 0;
      while (last < ReliableSamples() && !done.load()) {
        const auto sample = reader.Take();
        if (!sample.has_value()) {
          std::this_thread::yield();
          continue;
        }
        EXPECT_EQ(sample->sequence, last + 1);
        EXPECT_TRUE(TestRing::IsWhole(*sample));
        last = sample->sequence;
        reader.Release(sample->pin);
        if (random() % 16 == 0) Idle(random, i);
      }
    });
  }
  bool in_time = true;
  for (uint64_t n = 1; n <= ReliableSamples() && in_time; ++n) {
    in_time = AwaitRoom(ring.writer());
    if (in_time) ring.Publish();
  }
  if (!in_time) done.store(true);
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(in_time) << "asleep with room, after " << ring.writer().head();
  for (auto& reader : readers) EXPECT_EQ((*reader)->lost(), 0u);
}

// Whoever joins while the publisher runs misses nothing after its start.
TEST(ReliableRing, WhoJoinsMissesNothing) {
  TestRing ring({.depth = 2, .max_subscribers = 3});
  std::atomic<bool> done{false};
  std::mutex table;  // Enter and Remove come one at a time, as under discovery's lock.
  std::atomic<uint64_t> lives{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      while (!done.load()) {
        std::unique_ptr<TestReader> reader;
        {
          std::lock_guard lock(table);
          reader.reset(new TestReader(TestReader::Reliable(ring)));
        }
        uint64_t last = reader->start();
        for (uint32_t looks = random() % 200; looks > 0; --looks) {
          const auto sample = (*reader)->Take();
          if (!sample.has_value()) {
            std::this_thread::yield();
            continue;
          }
          EXPECT_EQ(sample->sequence, ++last);
          EXPECT_TRUE(TestRing::IsWhole(*sample));
          (*reader)->Release(sample->pin);
        }
        EXPECT_EQ((*reader)->lost(), 0u);
        lives.fetch_add(1);
        std::lock_guard lock(table);
        reader.reset();
      }
    });
  }
  constexpr uint64_t kLives = 20;
  while (ring.writer().head() < ReliableSamples() || lives.load() < kLives) {
    if (ring.writer().HasRoom()) {
      ring.Publish();
    } else {
      std::this_thread::yield();
    }
  }
  done.store(true);
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace holler
