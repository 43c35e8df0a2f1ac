// A hostile publisher whose memory lies and changes while an honest subscriber takes from it.
#include <atomic>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "attack.h"

namespace hostile {
namespace {

class MemoryAttack : public Attack {
 protected:
  // Matches the listener with a publisher whose memory is ours to change.
  template <typename Topic>
  holler::Segment Join() {
    auto segment = MakeSegment<Topic>();
    peer_.emplace(listener());
    peer_->Greet();
    EXPECT_TRUE(peer_->Send(PublisherCard(1, holler::InfoOf<Topic>()), {segment.fd()}));
    const auto card = peer_->ReceiveOnly(wire::Message_SubscriberCard);
    EXPECT_TRUE(card.has_value());
    if (card.has_value()) {
      const uint64_t subscriber = card->message.AsSubscriberCard()->subscriber;
      EXPECT_TRUE(peer_->Send(Confirmation(1, subscriber, 0)));
    }
    return segment;
  }
  void TearDown() override {
    peer_.reset();
    Attack::TearDown();
  }

  // Runs `change` over and over until the honest ones have exchanged `count` samples and refused
  // `malformed` others.
  template <typename Change>
  void While(int64_t count, Change&& change, int64_t malformed = 0) {
    std::atomic<bool> stop{false};
    std::thread changer([&] {
      std::mt19937_64 random(1);
      while (!stop) change(random);
    });
    const int64_t start = Value("taken");
    EXPECT_TRUE(Await([&] { return Value("taken") >= start + count; })) << "honest ones starve";
    EXPECT_TRUE(Counted("malformed", malformed));
    stop = true;
    changer.join();
  }

  std::optional<HostilePeer> peer_;
};

holler::SegmentView<std::byte> ViewOf(const holler::Segment& segment) {
  return {segment.data(), segment.layout()};
}

// Values around all bounds.
uint64_t Odd(std::mt19937_64& random, uint64_t bound) {
  switch (random() % 6) {
    case 0:
      return 0;
    case 1:
      return bound;
    case 2:
      return bound - 1;
    case 3:
      return ~uint64_t{0} - random() % 3;
    case 4:
      return random();
    default:
      return random() % (bound + 2);
  }
}

TEST_F(MemoryAttack, HeadJumps) {
  const auto segment = Join<BeatTopic>();
  const auto view = ViewOf(segment);
  While(1'000, [&](auto& random) { view.head().store(Odd(random, 8'192)); });
}

TEST_F(MemoryAttack, HeadStaysAtTheEnd) {
  const auto segment = Join<BeatTopic>();
  ViewOf(segment).head().store(UINT64_MAX);
  While(500, [](auto&) { PauseBriefly(); });
}

TEST_F(MemoryAttack, RingPointsNowhere) {
  const auto segment = Join<BeatTopic>();
  const auto view = ViewOf(segment);
  uint64_t head = 0;
  While(1'000, [&](auto& random) {
    for (uint32_t i = 0; i < 8'192; ++i) {
      view.ring(i).store(static_cast<uint32_t>(Odd(random, segment.layout().slot_count)));
    }
    view.head().store(++head);
  });
}

TEST_F(MemoryAttack, EverythingJumps) {
  const auto segment = Join<BeatTopic>();
  const auto view = ViewOf(segment);
  uint64_t head = 0;
  While(2'000, [&](auto& random) {
    const uint64_t n = ++head;
    const uint32_t slot = static_cast<uint32_t>(random() % segment.layout().slot_count);
    auto& header = view.slot(slot);
    header.size.store(static_cast<uint32_t>(Odd(random, segment.layout().payload_capacity)));
    header.next_slot.store(static_cast<uint32_t>(Odd(random, segment.layout().slot_count)));
    header.publish_time.store(static_cast<int64_t>(random()));
    header.sequence.store(random() % 4 == 0 ? random() : n);
    view.ring(n % segment.layout().depth).store(slot);
    view.head().store(random() % 16 == 0 ? random() : n);
  });
}

// Nobody may spin for a sample that can never be taken, nor wait for it.
TEST_F(MemoryAttack, SamplesOfTheEndOfTime) {
  const auto segment = Join<BeatTopic>();
  const auto view = ViewOf(segment);
  for (uint64_t n = 1; n <= 100; ++n) {
    auto& header = view.slot(static_cast<uint32_t>(n));
    header.publish_time.store(INT64_MAX);
    header.size.store(sizeof(Beat));
    header.sequence.store(n);
    view.ring(n).store(static_cast<uint32_t>(n));
  }
  view.head().store(100);
  EXPECT_TRUE(Counted("foreign", 100));
}

TEST_F(MemoryAttack, WrongSizesOfAStruct) {
  const auto segment = Join<BeatTopic>();
  const auto view = ViewOf(segment);
  const uint32_t sizes[] = {0, 1, sizeof(Beat) - 1, sizeof(Beat) + 1, 0x7FFF'FFFF, 0xFFFF'FFFF};
  uint64_t n = 0;
  for (const uint32_t size : sizes) {
    ++n;
    auto& header = view.slot(static_cast<uint32_t>(n));
    header.size.store(size);
    header.sequence.store(n);
    view.ring(n).store(static_cast<uint32_t>(n));
  }
  view.head().store(n);
  // What exceeds the slot is cut to it, which is the size of a whole one.
  EXPECT_TRUE(Counted("malformed", 3));
  EXPECT_TRUE(Counted("foreign", 3));
}

TEST_F(MemoryAttack, MalformedTables) {
  const auto segment = Join<NoteTopic>();
  const auto view = ViewOf(segment);
  std::mt19937_64 random(2);
  uint64_t n = 0;
  EXPECT_TRUE(Await([&] {
    const uint32_t slot = static_cast<uint32_t>(++n % segment.layout().slot_count);
    for (uint32_t i = 0; i < segment.layout().payload_capacity; ++i) {
      view.payload(slot)[i] = static_cast<std::byte>(random() % 4 == 0 ? random() : 0);
    }
    auto& header = view.slot(slot);
    header.size.store(static_cast<uint32_t>(Odd(random, segment.layout().payload_capacity)));
    header.sequence.store(n);
    view.ring(n % segment.layout().depth).store(slot);
    view.head().store(n);
    return Growth("malformed") >= 300;
  }));
}

// Malformed ones come faster than they can be refused: whoever takes must get a turn all the same.
TEST_F(MemoryAttack, FloodOfMalformedSamples) {
  const auto segment = Join<NoteTopic>();
  const auto view = ViewOf(segment);
  uint64_t n = 0;
  While(
      2'000,
      [&](auto&) {
        ++n;
        const uint32_t slot = static_cast<uint32_t>(n % segment.layout().slot_count);
        auto& header = view.slot(slot);
        header.size.store(1);
        header.next_slot.store(static_cast<uint32_t>((n + 1) % segment.layout().slot_count));
        header.sequence.store(n);
        view.ring(n % segment.layout().depth).store(slot);
        view.head().store(n);
      },
      1'000);
}

}  // namespace
}  // namespace hostile
