// The ring against a model of it, under random use; and against peers that lie.
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/slot_ring.h"
#include "ring_support.h"

namespace holler {
namespace {

// What a ring should do, spelled out without slots.
class Model {
 public:
  Model(TestRing& ring, std::mt19937& random) : ring_(ring), random_(random) {}

  void Join() {
    if (members_.size() == ring_.layout().max_subscribers) return;
    members_.push_back(std::make_unique<Member>(ring_));
  }

  void Leave() {
    if (!members_.empty()) members_.erase(members_.begin() + Random(members_.size()));
  }

  void Borrow() {
    const uint32_t slot = ring_.writer().Acquire();
    if (loans_.size() == ring_.layout().max_loans) {
      ASSERT_EQ(slot, kNoSlot);
      return;
    }
    ASSERT_LT(slot, ring_.layout().slot_count) << "no free slot";
    ASSERT_FALSE(in_ring_.contains(slot)) << "still in the ring";
    for (const uint32_t loan : loans_) ASSERT_NE(slot, loan) << "lent twice";
    for (const auto& member : members_) {
      for (const auto& [held, in_slot] : member->held) ASSERT_NE(slot, in_slot) << "still held";
    }
    loans_.push_back(slot);
  }

  void GiveBack() {
    if (loans_.empty()) return;
    const auto loan = loans_.begin() + Random(loans_.size());
    ring_.writer().Return(*loan);
    loans_.erase(loan);
  }

  void Publish() {
    if (loans_.empty()) return;
    const auto loan = loans_.begin() + Random(loans_.size());
    const uint64_t n = ring_.writer().head() + 1;
    ring_.Fill(*loan, n);
    ASSERT_EQ(ring_.writer().Publish(*loan, ring_.layout().payload_capacity, 0, NoWaker{}), n);
    slot_of_[n] = *loan;
    in_ring_.insert(*loan);
    if (n > ring_.layout().depth) in_ring_.erase(slot_of_[n - ring_.layout().depth]);
    loans_.erase(loan);
  }

  void Take(bool latest) {
    if (members_.empty()) return;
    Member& member = *members_[Random(members_.size())];
    const auto sample = latest ? member.reader->TakeLatest() : member.reader->Take();
    const uint64_t head = ring_.writer().head();
    if (member.held.size() == ring_.layout().max_samples || member.cursor == head) {
      ASSERT_FALSE(sample.has_value());
      return;
    }
    ASSERT_TRUE(sample.has_value());
    const uint64_t depth = ring_.layout().depth;
    const uint64_t oldest = std::max(member.cursor + 1, head < depth ? 1 : head - depth + 1);
    ASSERT_EQ(sample->sequence, latest ? head : oldest);
    (latest ? member.skipped : member.lost) += sample->sequence - member.cursor - 1;
    member.cursor = sample->sequence;
    ASSERT_EQ(member.reader->lost(), member.lost);
    ASSERT_EQ(member.reader->skipped(), member.skipped);
    member.held.emplace_back(*sample, slot_of_[sample->sequence]);
  }

  void Release() {
    if (members_.empty()) return;
    Member& member = *members_[Random(members_.size())];
    if (member.held.empty()) return;
    const auto held = member.held.begin() + Random(member.held.size());
    ASSERT_TRUE(TestRing::IsWhole(held->first));
    member.reader->Release(held->first.pin);
    member.held.erase(held);
  }

  void CheckHeld() {
    for (const auto& member : members_) {
      for (const auto& [held, slot] : member->held) ASSERT_TRUE(TestRing::IsWhole(held));
    }
  }

 private:
  struct Member {
    explicit Member(TestRing& ring) : reader(ring), cursor(reader.start()) {}
    TestReader reader;
    uint64_t cursor;
    uint64_t lost = 0;
    uint64_t skipped = 0;
    std::vector<std::pair<HeldSample, uint32_t>> held;
  };

  std::ptrdiff_t Random(size_t bound) { return static_cast<std::ptrdiff_t>(random_() % bound); }

  TestRing& ring_;
  std::mt19937& random_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<uint32_t> loans_;
  std::set<uint32_t> in_ring_;
  std::map<uint64_t, uint32_t> slot_of_;
};

class RandomUse : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, RandomUse, testing::Range(1u, 25u));

TEST_P(RandomUse, AgreesWithTheModel) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::mt19937 random(GetParam());
  TestRing ring({.depth = 1 + static_cast<uint32_t>(random() % 9),
                 .max_subscribers = 1 + static_cast<uint32_t>(random() % 5),
                 .max_samples = 1 + static_cast<uint32_t>(random() % 4),
                 .max_loans = 1 + static_cast<uint32_t>(random() % 4),
                 .payload_bytes = 8 + 8 * static_cast<uint32_t>(random() % 400)});
  Model model(ring, random);
  for (int step = 0; step < 4'000 && !HasFatalFailure(); ++step) {
    switch (random() % 16) {
      case 0:
        model.Join();
        break;
      case 1:
        if (random() % 4 == 0) model.Leave();
        break;
      case 2:
        model.GiveBack();
        break;
      case 3:
      case 4:
      case 5:
        model.Take(false);
        break;
      case 6:
        model.Take(true);
        break;
      case 7:
      case 8:
      case 9:
        model.Release();
        break;
      case 10:
        model.CheckHeld();
        break;
      case 11:
      case 12:
        model.Borrow();
        break;
      default:
        model.Publish();
    }
  }
}

// ---- Pins that lie ----

class EqualPins : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(, EqualPins,
                         testing::Values(0u, 1u, 2u, 17u, 18u, 19u, 1'000u, 1u << 31,
                                         UINT32_MAX - 1, UINT32_MAX));

TEST_P(EqualPins, NeverLeaveThePublisherWithoutASlot) {
  TestRing ring({.depth = 8, .max_subscribers = 2, .max_samples = 4, .max_loans = 2});
  ASSERT_EQ(ring.layout().slot_count, 18u);
  TestReader liar(ring);
  TestReader honest(ring);
  for (auto& pin : liar.page().pins) pin.store(GetParam());
  for (int i = 0; i < 1'000; ++i) {
    const uint64_t n = ring.Publish();
    const auto sample = honest->Take();
    ASSERT_TRUE(sample.has_value());
    ASSERT_EQ(sample->sequence, n);
    ASSERT_TRUE(TestRing::IsWhole(*sample));
    honest->Release(sample->pin);
  }
}

TEST(HostilePins, ThatMoveDuringTheScanHideNoSlot) {
  TestRing ring({.depth = 1, .max_subscribers = 2, .max_samples = 2, .max_loans = 1});
  TestReader liar(ring);
  TestReader other(ring);
  std::atomic<bool> stop{false};
  std::thread flicker([&] {
    std::mt19937 random(1);
    while (!stop.load(std::memory_order_relaxed)) {
      for (auto& pin : liar.page().pins) {
        pin.store(random() % (ring.layout().slot_count + 2), std::memory_order_relaxed);
      }
    }
  });
  uint64_t published = 0;
  for (int i = 0; i < 50'000; ++i) {
    const uint32_t slot = ring.writer().Acquire();
    if (slot == kNoSlot) break;
    ring.writer().Publish(slot, 8, 0, NoWaker{});
    ++published;
  }
  stop.store(true);
  flicker.join();
  EXPECT_EQ(published, 50'000u);
}

TEST(HostilePins, AnArmedWordThatChangesCostsOneRingASample) {
  TestRing ring({});
  TestReader liar(ring);
  int rings = 0;
  for (uint32_t i = 1; i <= 100; ++i) {
    liar.page().armed.store(ArmedWord(1'000 + i, WakeBy::kBell));
    ring.Publish([&](const Reader&) { ++rings; });
  }
  EXPECT_EQ(rings, 100);
}

// ---- A publisher that lies ----

class HostileSegment : public testing::TestWithParam<uint32_t> {
 protected:
  // Values near every limit, and any others.
  uint64_t Value() {
    const SegmentLayout& l = ring_.layout();
    const uint64_t edges[] = {0,
                              1,
                              2,
                              l.depth,
                              l.slot_count - 1,
                              l.slot_count,
                              UINT32_MAX,
                              UINT64_MAX,
                              UINT64_MAX - 1,
                              UINT64_MAX / 2,
                              uint64_t{1} << 63,
                              l.payload_capacity,
                              l.payload_capacity + 1};
    if (random_() % 2 == 0) return edges[random_() % std::size(edges)];
    if (random_() % 2 == 0) return random_() % (2 * l.slot_count);
    return (uint64_t{random_()} << 32) | random_();
  }

  void Scramble() {
    const auto view = ring_.view();
    const SegmentLayout& l = ring_.layout();
    if (random_() % 2 == 0) view.head().store(Value());
    for (uint32_t i = 0; i < l.depth; ++i) {
      if (random_() % 2 == 0) view.ring(i).store(static_cast<uint32_t>(Value()));
    }
    const uint64_t head = view.head().load();
    for (uint32_t s = 0; s < l.slot_count; ++s) {
      SlotHeader& slot = view.slot(s);
      // Often what a reader looks for, so that it goes on to look at the rest.
      slot.sequence.store(random_() % 2 == 0 ? head - random_() % (l.depth + 1) : Value());
      slot.publish_time.store(static_cast<int64_t>(Value()));
      slot.size.store(static_cast<uint32_t>(Value()));
      slot.next_slot.store(static_cast<uint32_t>(Value()));
    }
  }

  void CheckAndRelease(const std::optional<HeldSample>& sample) {
    if (!sample.has_value()) return;
    const SegmentLayout& l = ring_.layout();
    const std::byte* slots = ring_.memory() + l.slots_offset;
    ASSERT_GE(sample->payload, slots + l.payload_offset);
    ASSERT_LE(sample->payload + l.payload_capacity, slots + uint64_t{l.slot_count} * l.slot_stride);
    ASSERT_EQ((sample->payload - slots - l.payload_offset) % l.slot_stride, 0);
    ASSERT_LE(sample->size, l.payload_capacity);
    ASSERT_LT(sample->pin, l.max_samples);
    reader_->Release(sample->pin);
  }

  TestRing ring_{{.depth = 5, .max_subscribers = 2, .max_samples = 2}};
  TestReader reader_{ring_};
  std::mt19937 random_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Seeds, HostileSegment, testing::Range(1u, 9u));

// Each call returns, keeps within the segment, and leaves no pin behind.
TEST_P(HostileSegment, IsBounded) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  for (int round = 0; round < 5'000 && !HasFatalFailure(); ++round) {
    Scramble();
    switch (random_() % 5) {
      case 0:
        CheckAndRelease(reader_->TakeLatest());
        break;
      case 1:
        reader_->PeekPublishTime();
        break;
      case 2:
        if (random_() % 8 == 0) reader_->SkipAll();
        break;
      default:
        CheckAndRelease(reader_->Take());
    }
    reader_->HasNext();
    reader_->HeadMoved();
    ASSERT_FALSE(reader_->holds_any());
  }
}

TEST_P(HostileSegment, IsBoundedWhileItChanges) {
  SCOPED_TRACE(testing::Message() << "seed " << GetParam());
  std::atomic<bool> stop{false};
  std::thread liar([&] {
    while (!stop.load(std::memory_order_relaxed)) Scramble();
  });
  for (int round = 0; round < 2'000 && !HasFatalFailure(); ++round) {
    CheckAndRelease(reader_->Take());
    CheckAndRelease(reader_->TakeLatest());
    reader_->PeekPublishTime();
  }
  stop.store(true);
  liar.join();
}

}  // namespace
}  // namespace holler
