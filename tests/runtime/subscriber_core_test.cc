// Subscribers towards publishers that lie, die, or come in numbers: the test is all of them.
#include "holler/subscriber_core.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holler/sample.h"
#include "holler/topic.h"
#include "node_support.h"
#include "segment_support.h"

namespace holler {
namespace {

// A publisher without a process, a node, or manners.
class Stranger {
 public:
  Stranger(SubscriberCore& core, uint64_t id) : core_(core), key_{wire::NodeId(9, 9), id} {}

  absl::Status Propose() {
    auto mapped = PeerSegment::Map(Dup(segment_.fd()));
    EXPECT_TRUE(mapped.ok()) << mapped.status();
    return core_.Propose(key_, {"stranger", 1, 1, "test/segment"}, std::move(*mapped)).status();
  }
  bool Confirm() { return core_.Confirm(key_, {.start = 0, .head = 0}); }
  void Match() {
    EXPECT_TRUE(Propose().ok());
    EXPECT_TRUE(Confirm());
  }
  void End() { core_.End(key_); }

  // Publishes one sample of `size` bytes, at the time `when`.
  void Publish(int64_t when, uint32_t size = 8) {
    const SegmentView<std::byte> view(segment_.data(), segment_.layout());
    const uint64_t n = ++sequence_;
    const uint32_t slot = static_cast<uint32_t>(n % segment_.layout().slot_count);
    SlotHeader& header = view.slot(slot);
    header.publish_time.store(when);
    header.size.store(size);
    header.next_slot.store(kNoSlot);
    header.sequence.store(n);
    view.ring(n % segment_.layout().depth).store(slot);
    view.head().store(n);
  }

 private:
  SubscriberCore& core_;
  const EndpointKey key_;
  const Segment segment_ = std::move(*Segment::Create(TestTopic()));
  uint64_t sequence_ = 0;
};

bool IsValid(const TakenSample& sample) { return sample.held.size == 8; }

class SubscriberCoreTest : public testing::Test {
 protected:
  // The times of all samples there are now.
  std::vector<int64_t> TakeAll() {
    std::vector<int64_t> times;
    while (const auto taken = core_->Take()) {
      times.push_back(taken->held.publish_time);
      core_->Release(*taken);
    }
    return times;
  }
  std::unique_ptr<Stranger> Matched(uint64_t id) {
    auto stranger = std::make_unique<Stranger>(*core_, id);
    stranger->Match();
    return stranger;
  }

  TestNode node_{"node", NextDomain()};
  std::shared_ptr<SubscriberCore> core_ =
      std::move(*SubscriberCore::Create(*node_, TestTopic(), {}));
};

TEST_F(SubscriberCoreTest, APairIsProposedOnce) {
  Stranger stranger(*core_, 1);
  EXPECT_TRUE(stranger.Propose().ok());
  EXPECT_TRUE(absl::IsAlreadyExists(stranger.Propose()));
  EXPECT_TRUE(stranger.Confirm());
  EXPECT_FALSE(stranger.Confirm()) << "twice";
  EXPECT_TRUE(absl::IsAlreadyExists(stranger.Propose()));
  stranger.Publish(1);
  EXPECT_EQ(TakeAll(), std::vector<int64_t>{1}) << "it must not be there twice";
  EXPECT_EQ(core_->publisher_count(), 1);
}

// It lives, and has lost this subscriber: nobody keeps its slots for us any more.
TEST_F(SubscriberCoreTest, OfOneThatGoesOnAfterItsEndNothingIsTaken) {
  const auto stranger = Matched(1);
  for (int64_t n = 1; n <= 3; ++n) stranger->Publish(n);
  const auto taken = core_->Take();
  ASSERT_TRUE(taken.has_value());
  core_->Release(*taken);
  stranger->End();
  stranger->Publish(4);
  EXPECT_TRUE(TakeAll().empty());
  EXPECT_FALSE(core_->TakeLatest(IsValid).has_value());
  EXPECT_FALSE(core_->Wait(absl::ZeroDuration()));
  EXPECT_EQ(core_->lost(), 2u) << "and what came after the end was nobody's";
}

// The same, when it goes on only after some of what it left was taken.
TEST_F(SubscriberCoreTest, OfOneThatGoesOnWhileItsLastAreTakenNothingMoreIsTaken) {
  for (const bool has_neighbour : {false, true}) {
    for (const bool latest : {false, true}) {
      const uint64_t lost = core_->lost();
      const auto neighbour = has_neighbour ? Matched(2) : nullptr;
      const auto stranger = Matched(1);
      for (int64_t n = 1; n <= 3; ++n) stranger->Publish(n);
      stranger->End();
      const auto taken = core_->Take();
      ASSERT_TRUE(taken.has_value());
      EXPECT_EQ(taken->held.sequence, 1u);
      core_->Release(*taken);
      stranger->Publish(4);
      EXPECT_FALSE((latest ? core_->TakeLatest(IsValid) : core_->Take()).has_value());
      EXPECT_EQ(core_->lost(), lost + 2) << "and what came after the end was nobody's";
      EXPECT_EQ(core_->skipped(), 0u);
      if (neighbour != nullptr) {
        neighbour->Publish(7);
        EXPECT_EQ(TakeAll(), std::vector<int64_t>{7}) << "others go on";
        neighbour->End();
      }
      EXPECT_FALSE(core_->Wait(absl::ZeroDuration()));
    }
  }
}

TEST_F(SubscriberCoreTest, OneThatGoesOnAfterItsEndEndsNoWait) {
  const auto stranger = Matched(1);
  for (int64_t n = 1; n <= 2; ++n) stranger->Publish(n);
  stranger->End();
  EXPECT_TRUE(core_->Wait(absl::ZeroDuration()));
  stranger->Publish(3);
  EXPECT_FALSE(core_->Wait(absl::ZeroDuration()));
  EXPECT_EQ(core_->lost(), 2u);
}

TEST_F(SubscriberCoreTest, WhatOneLeftIsTakenInFull) {
  const auto neighbour = Matched(2);
  const auto stranger = Matched(1);
  for (int64_t n = 1; n <= 4; ++n) stranger->Publish(n);
  stranger->End();
  neighbour->Publish(3);
  EXPECT_EQ(TakeAll(), (std::vector<int64_t>{1, 2, 3, 3, 4}));
  EXPECT_EQ(core_->lost(), 0u);
}

TEST_F(SubscriberCoreTest, OfThoseThatDiedOnlyTheLastAreKept) {
  constexpr int kMany = 100;
  constexpr size_t kKept = 32;
  for (const bool looks_meanwhile : {true, false}) {
    const uint64_t lost_before = core_->lost();
    for (int i = 0; i < kMany; ++i) {
      const auto stranger = Matched(static_cast<uint64_t>(i));
      stranger->Publish(2 * i);
      stranger->Publish(2 * i + 1);
      if (looks_meanwhile) {
        EXPECT_TRUE(core_->Wait(absl::ZeroDuration()));
      }
      stranger->End();
    }
    Stranger last(*core_, kMany);
    last.Match();  // News, by which those before it are counted.
    last.End();
    const std::vector<int64_t> times = TakeAll();
    EXPECT_EQ(times.size() + core_->lost() - lost_before, 2u * kMany) << "none is uncounted";
    // One may have ended since the last look.
    EXPECT_GE(times.size(), 2 * (kKept - 1)) << looks_meanwhile;
    EXPECT_LE(times.size(), 2 * (kKept + 1)) << looks_meanwhile;
    EXPECT_EQ(times.back(), 2 * kMany - 1) << "the last are kept";
    EXPECT_TRUE(std::is_sorted(times.begin(), times.end()));
  }
}

TEST_F(SubscriberCoreTest, HeldSamplesOfThoseThatDiedStay) {
  std::vector<TakenSample> held;
  for (int i = 0; i < 40; ++i) {
    const auto stranger = Matched(static_cast<uint64_t>(i));
    stranger->Publish(i);
    stranger->Publish(1'000 + i);
    const auto taken = core_->Take();
    ASSERT_TRUE(taken.has_value());
    held.push_back(*taken);
    stranger->End();
  }
  EXPECT_EQ(TakeAll().size(), 40u);
  EXPECT_EQ(core_->lost(), 0u);
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(held[static_cast<size_t>(i)].held.publish_time, i);
    core_->Release(held[static_cast<size_t>(i)]);
  }
}

TEST_F(SubscriberCoreTest, AMalformedLatestHidesNoOther) {
  const auto good = Matched(1);
  const auto bad = Matched(2);
  const auto late = Matched(3);
  for (int64_t n = 1; n <= 10; ++n) {
    good->Publish(10 * n);
    bad->Publish(10 * n + 9, /*size=*/7);
    late->Publish(10 * n - 5);
    const auto taken = core_->TakeLatest(IsValid);
    ASSERT_TRUE(taken.has_value());
    EXPECT_EQ(taken->held.publish_time, 10 * n);
    core_->Release(*taken);
    EXPECT_FALSE(core_->TakeLatest(IsValid).has_value());
  }
  EXPECT_EQ(core_->malformed(), 10u);
  EXPECT_EQ(core_->skipped(), 10u);
  EXPECT_EQ(core_->lost(), 0u);
}

TEST_F(SubscriberCoreTest, TimesOfLiarsAreAsLongAgoAsTimesCanBe) {
  const auto liar = Matched(1);
  for (int i = 0; i < 64; ++i) {  // One of them is measured.
    liar->Publish(INT64_MIN);
    const auto taken = core_->Take();
    ASSERT_TRUE(taken.has_value());
    const Sample<uint64_t> sample(*taken, reinterpret_cast<const uint64_t*>(taken->held.payload));
    EXPECT_EQ(sample.age(), absl::Nanoseconds(INT64_MAX));
  }
  EXPECT_EQ(core_->counters().latency.max(), absl::Nanoseconds(INT64_MAX));
  liar->Publish(INT64_MAX);
  const auto taken = core_->Take();
  ASSERT_TRUE(taken.has_value());
  const Sample<uint64_t> sample(*taken, reinterpret_cast<const uint64_t*>(taken->held.payload));
  EXPECT_LT(sample.age(), absl::ZeroDuration());
}

TEST_F(SubscriberCoreTest, TheLatestIsTheLatestEvenIfItCameDuringTheCall) {
  const auto stranger = Matched(1);
  (void)core_->fd();
  EXPECT_FALSE(core_->TakeLatest(IsValid).has_value());
  stranger->Publish(1, /*size=*/7);
  const auto taken = core_->TakeLatest([&](const TakenSample& sample) {
    if (sample.held.sequence != 1) return true;
    for (int64_t n = 2; n <= 5; ++n) stranger->Publish(n);
    return false;
  });
  ASSERT_TRUE(taken.has_value());
  EXPECT_EQ(taken->held.sequence, 5u);
  core_->Release(*taken);
  EXPECT_EQ(core_->skipped(), 3u);
  EXPECT_EQ(core_->malformed(), 1u);
}

}  // namespace
}  // namespace holler
