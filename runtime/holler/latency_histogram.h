// How long samples took from publish to take: a distribution in a few hundred bytes.
#ifndef HOLLER_LATENCY_HISTOGRAM_H_
#define HOLLER_LATENCY_HISTOGRAM_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace holler {

// Latencies in buckets that double in width, and the longest of all. A value: whoever has a copy
// has a snapshot. Two snapshots of the same counters tell what happened between them:
//
//   const LatencyHistogram before = subscriber->counters().latency;
//   ...
//   const LatencyHistogram lately = subscriber->counters().latency - before;
//   std::cout << lately.percentile(50) << " " << lately.percentile(99) << " " << lately.max();
//
// Any numbers will do: it may be read from the memory of a peer that lies.
// Thread safety: thread-compatible.
class LatencyHistogram {
 public:
  static constexpr size_t kBuckets = 40;
  // Bucket i counts latencies from 2^i ns to below 2^(i+1); the first also 0, the last all beyond.
  using Buckets = std::array<uint64_t, kBuckets>;

  // The bucket of a latency.
  static constexpr size_t BucketOf(uint64_t ns) {
    return std::min(static_cast<size_t>(std::bit_width(ns | 1)) - 1, kBuckets - 1);
  }

  LatencyHistogram() = default;
  LatencyHistogram(const Buckets& buckets, uint64_t longest_ns)
      : buckets_(buckets), longest_ns_(longest_ns) {}

  // Latencies measured: the sum of the buckets, UINT64_MAX at most.
  uint64_t count() const noexcept;
  // So many percent of the latencies were at most so long: up to twice what it was exactly, as it
  // is the end of a bucket, and never more than max(). 0 if nothing was measured.
  absl::Duration percentile(double percent) const noexcept;
  // The longest one that was measured.
  absl::Duration max() const noexcept;
  const Buckets& buckets() const noexcept { return buckets_; }

  // Adds what was measured elsewhere.
  LatencyHistogram& operator+=(const LatencyHistogram& other) noexcept;
  // What was measured since `earlier`, a snapshot of the same counters. Its max() is exact if it is
  // the longest ever; else the end of the last bucket that something was added to.
  friend LatencyHistogram operator-(const LatencyHistogram& later,
                                    const LatencyHistogram& earlier) noexcept;
  friend bool operator==(const LatencyHistogram&, const LatencyHistogram&) = default;

 private:
  Buckets buckets_{};
  uint64_t longest_ns_ = 0;
};

}  // namespace holler

#endif  // HOLLER_LATENCY_HISTOGRAM_H_
