// One publisher, as one subscriber is matched with it.
#ifndef HOLLER_SOURCE_H_
#define HOLLER_SOURCE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "holler/clock.h"
#include "holler/doorbell.h"
#include "holler/endpoint.h"
#include "holler/futex.h"
#include "holler/peers.h"
#include "holler/segment.h"
#include "holler/slot_ring.h"

namespace holler {

// One publisher a subscriber is matched with. Made by discovery; from Confirm on, its ring belongs
// to the thread that takes.
class Source {
 public:
  Source(Clock clock, EndpointKey key, PeerInfo peer, std::shared_ptr<const PeerSegment> segment,
         OwnPage page, Bell bell)
      : clock_(std::move(clock)),
        key_(key),
        peer_(std::move(peer)),
        segment_(std::move(segment)),
        page_(std::move(page)),
        bell_(std::move(bell)) {}

  // The publisher has confirmed: from here on samples after `join.start` can be taken.
  void Start(JoinPoint join) {
    ring_.emplace(segment_->data(), segment_->layout(), page_.get(), join, WakerOf(*segment_));
    page_.CloseFd();
    bell_.pull.reset();
  }

  // Nothing will be taken: the publisher need not wait, but must leave alone what is held.
  void TakeNoMore() noexcept { RingReader::TakeNoMore(page_.get(), WakerOf(*segment_)); }

  // By discovery, with its lock held.
  void CountDropped() noexcept { page_.get()->tally.dropped.Add(); }

  RingReader& ring() noexcept { return *ring_; }
  const RingReader& ring() const noexcept { return *ring_; }
  const EndpointKey& key() const noexcept { return key_; }
  const PeerInfo& peer() const noexcept { return peer_; }
  // Of the subscriber's node.
  const Clock& clock() const noexcept { return clock_; }
  const SegmentLayout& layout() const noexcept { return segment_->layout(); }
  // Of calls: the other endpoint of whoever publishes here.
  EndpointKey partner() const noexcept { return {key_.node, segment_->partner()}; }
  int page_fd() const noexcept { return page_.fd(); }
  int bell_pull() const noexcept { return bell_.pull.get(); }
  bool started() const noexcept { return ring_.has_value(); }

  // For closing: nobody is to ring for it any more.
  UniqueFd TakeEar() noexcept { return std::move(bell_.ear); }

  // The last turn of Take in which this source had nothing to give; the taking thread's own.
  uint64_t passed_over_in = 0;

  // Raised when the publisher is gone: up to `last`, written before, is all there will be. What is
  // written after it, up to `written`, belongs to a batch that was not announced.
  Flag ended;
  uint64_t last = 0;
  uint64_t written = 0;

  // Whether it went on after its end: it lives, has lost this subscriber, and looks at its pins no
  // more. What it has left may change while it is read.
  bool went_on() const noexcept { return ended.raised() && ring_->WentOn(last, written); }
  // Whether there is nothing more to take. First whether it ended, then whether it is empty.
  bool is_drained() const noexcept {
    return ended.raised() && (!ring_->HasNext() || ring_->WentOn(last, written));
  }

 private:
  // What wakes a publisher that waits for the cursor; on best-effort topics none does.
  static RingReader::WakePublisher WakerOf(const PeerSegment& segment) noexcept {
    if (!segment.reliable()) return nullptr;
    return [](const void* cursor) noexcept { WakeSleeper(cursor, /*is_shared=*/true); };
  }

  const Clock clock_;
  const EndpointKey key_;
  const PeerInfo peer_;
  const std::shared_ptr<const PeerSegment> segment_;
  OwnPage page_;
  Bell bell_;  // Discovery's.
  std::optional<RingReader> ring_;
};

// A sample taken, and whose it is.
struct TakenSample {
  HeldSample held;
  Source* source = nullptr;
};

}  // namespace holler

#endif  // HOLLER_SOURCE_H_
