// A sample a subscriber holds.
#ifndef HOLLER_SAMPLE_H_
#define HOLLER_SAMPLE_H_

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/subscriber_core.h"

namespace holler {

// One published message, in place: no copy is made. Its bytes do not change until the sample is
// destroyed, whatever the publisher does meanwhile; docs/slot_ring.md names one exception.
//
//   if (auto sample = subscriber->Take()) {
//     Use(sample->stamp_ns());
//     Log(sample.sequence(), sample.age());
//   }
//
// May outlive its subscriber, and may be destroyed by any thread.
// Thread safety: thread-compatible.
template <typename Message>
class Sample {
 public:
  // No sample.
  Sample() = default;
  Sample(const TakenSample& taken, const Message* message) : taken_(taken), message_(message) {}
  Sample(Sample&& other) noexcept
      : taken_(other.taken_), message_(std::exchange(other.message_, nullptr)) {}
  Sample& operator=(Sample&& other) noexcept {
    if (this == &other) return *this;
    Release();
    taken_ = other.taken_;
    message_ = std::exchange(other.message_, nullptr);
    return *this;
  }
  ~Sample() { Release(); }

  // Gives the sample back early. After it, this is no sample.
  void Release() noexcept {
    if (std::exchange(message_, nullptr) != nullptr) SubscriberCore::Release(taken_);
  }

  explicit operator bool() const noexcept { return message_ != nullptr; }
  // This and all below only if it is one.
  const Message& operator*() const noexcept { return *operator->(); }
  const Message* operator->() const noexcept {
    assert(message_ != nullptr && "no sample: there was none to take, or it was released");
    return message_;
  }

  // Consecutive for each publisher, from 1.
  uint64_t sequence() const noexcept { return taken_.held.sequence; }
  // When it was published: nanoseconds of the publisher's NodeOptions::clock, by default
  // CLOCK_MONOTONIC. See ToWallTime in wall_time.h.
  int64_t publish_time() const noexcept { return taken_.held.publish_time; }
  // How long ago that was, by the clock of the subscriber's node.
  absl::Duration age() const noexcept {
    return absl::Nanoseconds(Since(taken_.source->clock().Now(), publish_time()));
  }
  // Who published it. Valid as long as the sample is.
  const PeerInfo& publisher() const noexcept { return taken_.source->peer(); }
  // For calls, whose header precedes the message.
  const TakenSample& taken() const noexcept { return taken_; }
  // The message as bytes: a struct, or a finished FlatBuffer.
  std::span<const std::byte> bytes() const noexcept {
    const HeldSample& held = taken_.held;
    return {held.payload + MessageOffset(taken_.source->layout(), held.size), held.size};
  }

 private:
  TakenSample taken_;
  const Message* message_ = nullptr;
};

}  // namespace holler

#endif  // HOLLER_SAMPLE_H_
