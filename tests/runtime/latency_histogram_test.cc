// Buckets, percentiles and differences, with honest numbers and with any.
#include "holler/latency_histogram.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "gtest/gtest.h"

namespace holler {
namespace {

LatencyHistogram Of(std::initializer_list<uint64_t> latencies) {
  LatencyHistogram::Buckets buckets{};
  uint64_t longest = 0;
  for (const uint64_t ns : latencies) {
    ++buckets[LatencyHistogram::BucketOf(ns)];
    longest = std::max(longest, ns);
  }
  return {buckets, longest};
}

TEST(LatencyHistogram, BucketsDoubleInWidth) {
  EXPECT_EQ(LatencyHistogram::BucketOf(0), 0u);
  EXPECT_EQ(LatencyHistogram::BucketOf(1), 0u);
  EXPECT_EQ(LatencyHistogram::BucketOf(2), 1u);
  EXPECT_EQ(LatencyHistogram::BucketOf(3), 1u);
  for (size_t i = 1; i < LatencyHistogram::kBuckets; ++i) {
    EXPECT_EQ(LatencyHistogram::BucketOf(uint64_t{1} << i), i);
    EXPECT_EQ(LatencyHistogram::BucketOf((uint64_t{1} << i) - 1), i - 1);
  }
  EXPECT_EQ(LatencyHistogram::BucketOf(UINT64_MAX), LatencyHistogram::kBuckets - 1);
}

TEST(LatencyHistogram, NothingMeasured) {
  const LatencyHistogram none;
  EXPECT_EQ(none.count(), 0u);
  EXPECT_EQ(none.percentile(50), absl::ZeroDuration());
  EXPECT_EQ(none.max(), absl::ZeroDuration());
  EXPECT_EQ(none - none, none);
}

TEST(LatencyHistogram, PercentilesAreEndsOfBuckets) {
  const LatencyHistogram histogram = Of({100, 100, 100, 5'000});
  EXPECT_EQ(histogram.count(), 4u);
  EXPECT_EQ(histogram.percentile(0), absl::Nanoseconds(127));
  EXPECT_EQ(histogram.percentile(50), absl::Nanoseconds(127));
  EXPECT_EQ(histogram.percentile(75), absl::Nanoseconds(127));
  EXPECT_EQ(histogram.percentile(76), absl::Nanoseconds(5'000));  // The bucket ends at 8191.
  EXPECT_EQ(histogram.percentile(100), absl::Nanoseconds(5'000));
  EXPECT_EQ(histogram.max(), absl::Nanoseconds(5'000));
}

TEST(LatencyHistogram, AnyNumberMayBeAskedFor) {
  const LatencyHistogram histogram = Of({100, 5'000});
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(histogram.percentile(-infinity), absl::Nanoseconds(127));
  EXPECT_EQ(histogram.percentile(std::nan("")), absl::Nanoseconds(127));
  EXPECT_EQ(histogram.percentile(infinity), absl::Nanoseconds(5'000));
}

TEST(LatencyHistogram, DifferenceIsWhatCameBetween) {
  const LatencyHistogram before = Of({100, 5'000});
  LatencyHistogram later = before;
  later += Of({300, 300});
  const LatencyHistogram between = later - before;
  EXPECT_EQ(between.count(), 2u);
  EXPECT_EQ(between.percentile(100), absl::Nanoseconds(511));
  EXPECT_EQ(between.max(), absl::Nanoseconds(511));  // 5000 was before.

  later += Of({70'000});
  EXPECT_EQ((later - before).max(), absl::Nanoseconds(70'000));
}

TEST(LatencyHistogram, LiesDoNoHarm) {
  LatencyHistogram::Buckets buckets;
  buckets.fill(UINT64_MAX);
  const LatencyHistogram all(buckets, UINT64_MAX);
  EXPECT_EQ(all.count(), UINT64_MAX);
  EXPECT_EQ(all.percentile(100),
            absl::Nanoseconds(1));  // All that can be counted are in the first.
  EXPECT_EQ(all.max(), absl::Nanoseconds(INT64_MAX));
  LatencyHistogram twice = all;
  twice += all;
  EXPECT_EQ(twice, all);
  // Counters that went back.
  EXPECT_EQ((LatencyHistogram() - all).count(), 0u);
  // Counts, but no longest.
  EXPECT_EQ(LatencyHistogram(buckets, 0).percentile(99), absl::ZeroDuration());
}

}  // namespace
}  // namespace holler
