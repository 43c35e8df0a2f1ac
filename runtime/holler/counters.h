// What publishers and subscribers count in the memory they share: its layout, and the only places
// that write and read it. slot_ring.h tells where it lies; docs/slot_ring.md, "Counters", what each
// number means.
//
// Besides slot_ring.h, this is the only file with memory orderings of shared memory, and all of
// them are relaxed: no step of the protocol depends on a counter, and none is believed. Each word
// has one writer, a thread that owns the cache line anyway, so that counting is a load, an add and
// a store, without a locked instruction. Whoever reads sees each word whole, and several words as
// they were at about the same time.
#ifndef HOLLER_COUNTERS_H_
#define HOLLER_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "holler/latency_histogram.h"
#include "holler/layout.h"

namespace holler {

// A number in shared memory. Thread safety: one thread at a time adds; any thread, of any process
// that has it mapped, reads.
class Counter {
 public:
  void Add(uint64_t more = 1) noexcept { Set(value() + more); }
  void Set(uint64_t value) noexcept { value_.store(value, std::memory_order_relaxed); }
  void RaiseTo(uint64_t value) noexcept {
    if (value > this->value()) Set(value);
  }
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};
static_assert(sizeof(Counter) == 8 && std::atomic<uint64_t>::is_always_lock_free);

// ---- Values: what users and observers get ----

// What a publisher did since it was created. docs/slot_ring.md, "Counters".
struct PublisherCounters {
  uint64_t published = 0;       // Samples: the newest sequence number.
  uint64_t refused = 0;         // Messages that Publish refused.
  uint64_t too_many_loans = 0;  // Loans that were not given: max_loans were out.
  uint64_t full = 0;            // Loans that were not given: a reliable topic had no room.
  uint64_t dropped = 0;         // Times a subscriber stalled and was dropped.
  uint64_t wakeups = 0;         // Subscribers woken, each time.
  int64_t created_at = 0;       // CLOCK_MONOTONIC, ns.

  friend bool operator==(const PublisherCounters&, const PublisherCounters&) = default;
};

// What a subscriber did, of one publisher's samples or of all.
struct SubscriberCounters {
  uint64_t taken = 0;        // Samples handed to the user.
  uint64_t lost = 0;         // Samples it was too slow for.
  uint64_t skipped = 0;      // Samples passed over by TakeLatest.
  uint64_t malformed = 0;    // Samples that were no valid message.
  uint64_t dropped = 0;      // Times a reliable publisher did not wait for it any longer.
  uint64_t wakeups = 0;      // Sleeps that a sample ended.
  uint64_t longest_lag = 0;  // How far it was seen behind the newest sample, at most.
  // From publish to take: of each sample that ended a sleep, and of one in 64 of the others.
  LatencyHistogram latency;

  // Sums; of the lag, the longest.
  SubscriberCounters& operator+=(const SubscriberCounters& other) noexcept {
    taken += other.taken;
    lost += other.lost;
    skipped += other.skipped;
    malformed += other.malformed;
    dropped += other.dropped;
    wakeups += other.wakeups;
    longest_lag = longest_lag > other.longest_lag ? longest_lag : other.longest_lag;
    latency += other.latency;
    return *this;
  }
  friend bool operator==(const SubscriberCounters&, const SubscriberCounters&) = default;
};

// ---- Shared memory ----

// In a publisher's segment, on a line of its own, which no subscriber reads on the data path. All
// written by the publishing thread; created_at before the segment is handed to anybody.
struct alignas(kCacheLine) PublisherTally {
  Counter refused;
  Counter too_many_loans;
  Counter full;
  Counter dropped;
  Counter wakeups;
  Counter created_at;

  // `published` is the segment's head.
  PublisherCounters Read(uint64_t published) const noexcept {
    return {.published = published,
            .refused = refused.value(),
            .too_many_loans = too_many_loans.value(),
            .full = full.value(),
            .dropped = dropped.value(),
            .wakeups = wakeups.value(),
            .created_at = static_cast<int64_t>(created_at.value())};
  }
};
static_assert(sizeof(PublisherTally) == kCacheLine);

// In a subscriber's page towards one publisher, behind the lines the publisher reads. Written by
// the thread that takes, but for `dropped`, which discovery writes with its lock held.
struct alignas(kCacheLine) SubscriberTally {
  Counter taken;
  Counter lost;
  Counter skipped;
  Counter malformed;
  Counter dropped;
  Counter wakeups;
  Counter longest_lag;
  alignas(kCacheLine) std::array<Counter, LatencyHistogram::kBuckets> latencies;
  Counter longest_latency;  // ns.

  void AddLatency(uint64_t ns) noexcept {
    latencies[LatencyHistogram::BucketOf(ns)].Add();
    longest_latency.RaiseTo(ns);
  }
  SubscriberCounters Read() const noexcept {
    LatencyHistogram::Buckets buckets;
    for (size_t i = 0; i < buckets.size(); ++i) buckets[i] = latencies[i].value();
    return {.taken = taken.value(),
            .lost = lost.value(),
            .skipped = skipped.value(),
            .malformed = malformed.value(),
            .dropped = dropped.value(),
            .wakeups = wakeups.value(),
            .longest_lag = longest_lag.value(),
            .latency = LatencyHistogram(buckets, longest_latency.value())};
  }
};

}  // namespace holler

#endif  // HOLLER_COUNTERS_H_
