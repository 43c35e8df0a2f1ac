// One publisher and several subscribers of one ring, each in its own thread. ThreadSanitizer sees
// payloads as plain memory: a slot that is used anew under a reader is a race.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "holler/clock.h"
#include "holler/doorbell.h"
#include "holler/futex.h"
#include "holler/slot_ring.h"
#include "ring_support.h"
#include "stress_support.h"

namespace holler {
namespace {

uint64_t Samples() { return StressRounds(300'000); }
uint64_t Sleeps() { return StressRounds(50'000); }

// A subscriber's thread: takes until the publisher is done and everything is taken, holding up to
// max_samples, and checks after every take that nothing is unaccounted for.
class Taker {
 public:
  struct Habits {
    uint32_t hold = 0;      // Samples kept while others are taken.
    uint32_t slowness = 0;  // Yields after a take, at most.
    uint32_t latest = 0;    // One take in so many is TakeLatest; 0: none.
  };

  Taker(TestRing& ring, Habits habits, uint32_t seed)
      : reader_(ring), habits_(habits), random_(seed) {}

  // Returns whether there was a sample.
  bool TakeOne() {
    const bool latest = habits_.latest != 0 && random_() % habits_.latest == 0;
    const auto sample = latest ? reader_->TakeLatest() : reader_->Take();
    if (!sample.has_value()) return false;
    ++taken_;
    EXPECT_GT(sample->sequence, last_);
    last_ = sample->sequence;
    EXPECT_EQ(taken_ + reader_->lost() + reader_->skipped(), last_ - reader_.start());
    EXPECT_TRUE(TestRing::IsWhole(*sample)) << "sample " << last_;
    held_.push_back(*sample);
    Idle(random_, habits_.slowness);
    while (held_.size() > habits_.hold) ReleaseOne();
    return true;
  }

  void ReleaseOne() {
    const auto sample = held_.begin() + static_cast<std::ptrdiff_t>(random_() % held_.size());
    EXPECT_TRUE(TestRing::IsWhole(*sample)) << "sample " << sample->sequence;
    reader_->Release(sample->pin);
    held_.erase(sample);
  }

  void TakeUntil(const std::atomic<bool>& done) {
    while (true) {
      const bool was_done = done.load(std::memory_order_acquire);
      if (TakeOne()) continue;
      if (was_done) break;
      std::this_thread::yield();
    }
    while (!held_.empty()) ReleaseOne();
  }

  // All samples since the start: taken, lost or skipped.
  uint64_t accounted() { return taken_ + reader_->lost() + reader_->skipped(); }
  uint64_t start() const { return reader_.start(); }

 private:
  TestReader reader_;
  const Habits habits_;
  std::mt19937 random_;
  std::vector<HeldSample> held_;
  uint64_t taken_ = 0;
  uint64_t last_ = 0;
};

enum class Publishing {
  kOneByOne,
  kShuffled,  // Several loans are out, in any order.
  kBatches,   // Some are put before all are announced.
};

void PublishAll(TestRing& ring, std::atomic<bool>& done, Publishing how) {
  std::mt19937 random(99);
  const bool shuffle_loans = how == Publishing::kShuffled;
  std::vector<uint32_t> loans;
  while (ring.writer().head() < Samples()) {
    if (shuffle_loans && loans.size() < ring.layout().max_loans && random() % 2 == 0) {
      const uint32_t slot = ring.writer().Acquire();
      ASSERT_NE(slot, kNoSlot);
      ring.Fill(slot, 0);
      loans.push_back(slot);
      continue;
    }
    if (how == Publishing::kBatches) {
      for (uint64_t left = Samples() - ring.writer().head(), i = random() % 9 + 1;
           left > 0 && i > 0; --left, --i) {
        ring.Put();
      }
      ring.writer().Announce(NoWaker{});
    } else if (!shuffle_loans) {
      ring.Publish();
    } else if (!loans.empty()) {
      const auto loan = loans.begin() + static_cast<std::ptrdiff_t>(random() % loans.size());
      ring.Fill(*loan, ring.writer().head() + 1);
      ring.writer().Publish(*loan, ring.layout().payload_capacity, 0, NoWaker{});
      loans.erase(loan);
    }
    if (random() % 64 == 0) std::this_thread::yield();
  }
  for (const uint32_t loan : loans) ring.writer().Return(loan);
  done.store(true, std::memory_order_release);
}

struct StressShape {
  RingShape shape;
  Publishing how;
};

class SlotRingStress : public testing::TestWithParam<StressShape> {};
INSTANTIATE_TEST_SUITE_P(
    Shapes, SlotRingStress,
    testing::Values(
        StressShape{{.depth = 1, .max_subscribers = 4, .max_loans = 1}, Publishing::kOneByOne},
        StressShape{{.depth = 2, .max_subscribers = 4, .payload_bytes = 8}, Publishing::kOneByOne},
        StressShape{{.depth = 8, .max_subscribers = 4, .max_loans = 3}, Publishing::kShuffled},
        StressShape{{.depth = 64, .max_subscribers = 4, .payload_bytes = 512},
                    Publishing::kShuffled},
        StressShape{{.depth = 2, .max_subscribers = 4}, Publishing::kBatches},
        StressShape{{.depth = 32, .max_subscribers = 4}, Publishing::kBatches},
        StressShape{{.depth = 4, .max_subscribers = 4, .payload_bytes = 20'000},
                    Publishing::kOneByOne}));

TEST_P(SlotRingStress, EverySampleIsWholeAndAccountedFor) {
  TestRing ring(GetParam().shape);
  std::atomic<bool> done{false};
  const Taker::Habits habits[] = {
      {},                                       // Keeps up, if it can.
      {.slowness = 20},                         // Is overtaken.
      {.hold = 1, .slowness = 3},               // Holds on to samples.
      {.hold = 1, .slowness = 5, .latest = 3},  // Skips as well.
  };
  std::vector<std::unique_ptr<Taker>> takers;
  for (uint32_t i = 0; i < 4; ++i) {
    takers.push_back(std::make_unique<Taker>(ring, habits[i], 10 + i));
  }
  std::vector<std::thread> threads;
  for (auto& taker : takers) {
    threads.emplace_back([&, t = taker.get()] { t->TakeUntil(done); });
  }
  PublishAll(ring, done, GetParam().how);
  for (auto& thread : threads) thread.join();
  for (auto& taker : takers) EXPECT_EQ(taker->accounted(), Samples());
}

// Subscribers come and go while the publisher runs; what they leave behind is freed at once.
TEST(SlotRingJoin, SubscribersComeAndGo) {
  TestRing ring({.depth = 4, .max_subscribers = 3, .max_samples = 2});
  std::atomic<bool> done{false};
  // Enter and Remove come one at a time, as under discovery's lock.
  std::mutex table;
  std::atomic<uint64_t> lives{0};
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 3; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      while (!done.load(std::memory_order_acquire)) {
        std::unique_ptr<Taker> taker;
        {
          std::lock_guard lock(table);
          taker = std::make_unique<Taker>(ring, Taker::Habits{.hold = 1, .slowness = 2}, i);
        }
        for (uint32_t n = random() % 200; n > 0; --n) taker->TakeOne();
        lives.fetch_add(1);
        std::lock_guard lock(table);
        taker.reset();  // With samples held: the pins go with the page.
      }
    });
  }
  PublishAll(ring, done, Publishing::kBatches);
  for (auto& thread : threads) thread.join();
  EXPECT_GT(lives.load(), 10u);
}

// Removing a subscriber waits for a scan that may still see it, and for that one only.
TEST(SlotRingJoin, AwaitScanOutlastsTheScan) {
  TestRing ring({});
  auto leaving = std::make_unique<TestReader>(ring);
  (*leaving)->Arm(WakeBy::kBell);
  std::atomic<bool> in_scan{false};
  std::atomic<bool> waiting{false};
  std::atomic<bool> removed{false};
  std::thread remover([&] {
    while (!in_scan.load()) std::this_thread::yield();
    ring.writer().readers().Remove(&leaving->entry());
    ring.writer().AwaitScan([&] { waiting.store(true); });
    removed.store(true);
  });
  ring.Publish([&](const Reader& reader) {
    in_scan.store(true);
    while (!waiting.load()) std::this_thread::yield();
    // The remover is within AwaitScan: the entry and its page must still be there.
    EXPECT_FALSE(removed.load());
    EXPECT_EQ(reader.page->armed.load(), ArmedWord(0, WakeBy::kBell));
  });
  remover.join();
  EXPECT_TRUE(removed.load());
  int others = 0;
  ring.writer().readers().ForEach([&](Reader&) { ++others; });
  EXPECT_EQ(others, 0);
}

// ---- Sleeping ----

struct RealWaker {
  bool Wake(const Reader& reader, WakeBy how) const {
    if (how == WakeBy::kBell) return RingBell(reader.doorbell);
    WakeSleeper(&reader.page->armed, false);
    return true;
  }
};

class SleepAndWake : public testing::TestWithParam<WakeBy> {
 protected:
  void SetUp() override {
    if (GetParam() == WakeBy::kFutex && !CanSleepOnWords()) GTEST_SKIP() << "an old kernel";
  }
  // Publisher and subscriber take turns; a wake-up that is lost would leave both asleep.
  void TakeTurns(TestRing& ring, uint64_t sleeps);
};

void SleepAndWake::TakeTurns(TestRing& ring, uint64_t sleeps) {
  TestReader reader(ring);
  auto doorbell = Doorbell::Create();
  ASSERT_TRUE(doorbell.ok());
  auto bell = doorbell->AddBell();
  ASSERT_TRUE(bell.ok());
  reader.entry().doorbell = bell->pull.get();
  const auto sleep = [&](uint64_t known) {  // False: too long.
    if (GetParam() == WakeBy::kBell) return doorbell->Wait(absl::Seconds(60));
    const FutexWord words[] = {{reader->armed_word(), ArmedWord(known, WakeBy::kFutex), false},
                               {reader->head_word(), static_cast<uint32_t>(known), false}};
    return SleepOnWords(words, MonotonicNow() + 60'000'000'000);
  };
  std::atomic<uint64_t> taken{0};
  std::atomic<bool> failed{false};

  std::thread subscriber([&] {
    std::mt19937 random(5);
    while (taken.load(std::memory_order_relaxed) < sleeps) {
      if (const auto sample = reader->Take()) {
        reader->Release(sample->pin);
        taken.fetch_add(1, std::memory_order_release);
        Idle(random, 2);
        continue;
      }
      const uint64_t known = reader->Arm(GetParam());
      if (!reader->HeadMoved() && !sleep(known)) {
        failed.store(true);
        return;
      }
      reader->Disarm();
    }
  });
  std::mt19937 random(6);
  for (uint64_t n = 1; n <= sleeps; ++n) {
    ring.PublishWith(RealWaker{});
    while (taken.load(std::memory_order_acquire) < n && !failed.load()) {
      std::this_thread::yield();
    }
    Idle(random, 2);
  }
  subscriber.join();
  EXPECT_FALSE(failed.load()) << "asleep with a sample to take, after " << taken.load();
  EXPECT_EQ(reader->lost(), 0u);
}

TEST_P(SleepAndWake, NoWakeUpIsLost) {
  TestRing ring({.depth = 2});
  TakeTurns(ring, Sleeps());
}

// Every subscriber has mapped the publisher's head, and can do there what the kernel lets sleepers
// do to each other.
TEST_P(SleepAndWake, StrangersAtTheHeadSilenceNobody) {
  TestRing ring({.depth = 2});
  std::atomic<bool> done{false};
  std::atomic<uint32_t> elsewhere{0};
  std::thread stranger([&] {
    while (!done.load()) {
      ::syscall(SYS_futex, &ring.view().head(), FUTEX_REQUEUE_PRIVATE, 0, INT_MAX, &elsewhere, 0);
    }
  });
  TakeTurns(ring, Sleeps() / 10);
  done.store(true);
  stranger.join();
}

INSTANTIATE_TEST_SUITE_P(By, SleepAndWake, testing::Values(WakeBy::kFutex, WakeBy::kBell),
                         [](const auto& how) {
                           return how.param == WakeBy::kFutex ? "Futex" : "Bell";
                         });

}  // namespace
}  // namespace holler
