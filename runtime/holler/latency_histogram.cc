#include "holler/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace holler {
namespace {

uint64_t AddUpTo(uint64_t a, uint64_t b) noexcept {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

// The longest latency that counts in a bucket.
uint64_t EndOf(size_t bucket) noexcept {
  return bucket + 1 == LatencyHistogram::kBuckets ? UINT64_MAX : (uint64_t{2} << bucket) - 1;
}

absl::Duration ToDuration(uint64_t ns) noexcept {
  return absl::Nanoseconds(static_cast<int64_t>(std::min<uint64_t>(ns, INT64_MAX)));
}

}  // namespace

uint64_t LatencyHistogram::count() const noexcept {
  uint64_t count = 0;
  for (const uint64_t in_bucket : buckets_) count = AddUpTo(count, in_bucket);
  return count;
}

absl::Duration LatencyHistogram::percentile(double percent) const noexcept {
  const uint64_t all = count();
  if (all == 0) return absl::ZeroDuration();
  // Not a number counts as 0.
  const double part = percent > 0 ? std::min(percent, 100.0) / 100 : 0;
  const double rank = std::max(std::ceil(part * static_cast<double>(all)), 1.0);
  uint64_t passed = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    passed = AddUpTo(passed, buckets_[i]);
    if (static_cast<double>(passed) >= rank) return ToDuration(std::min(EndOf(i), longest_ns_));
  }
  return max();
}

absl::Duration LatencyHistogram::max() const noexcept { return ToDuration(longest_ns_); }

LatencyHistogram& LatencyHistogram::operator+=(const LatencyHistogram& other) noexcept {
  for (size_t i = 0; i < kBuckets; ++i) buckets_[i] = AddUpTo(buckets_[i], other.buckets_[i]);
  longest_ns_ = std::max(longest_ns_, other.longest_ns_);
  return *this;
}

LatencyHistogram operator-(const LatencyHistogram& later,
                           const LatencyHistogram& earlier) noexcept {
  LatencyHistogram between;
  uint64_t end = 0;
  for (size_t i = 0; i < LatencyHistogram::kBuckets; ++i) {
    if (later.buckets_[i] <= earlier.buckets_[i]) continue;
    between.buckets_[i] = later.buckets_[i] - earlier.buckets_[i];
    end = EndOf(i);
  }
  between.longest_ns_ = later.longest_ns_ > earlier.longest_ns_ ? later.longest_ns_
                                                                : std::min(end, later.longest_ns_);
  return between;
}

}  // namespace holler
