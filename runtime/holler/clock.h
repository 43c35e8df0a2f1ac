// The clock of publish times and of discovery's timers.
#ifndef HOLLER_CLOCK_H_
#define HOLLER_CLOCK_H_

#include <time.h>

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"

namespace holler {

inline constexpr int64_t kMillisecond = 1'000'000;

// CLOCK_MONOTONIC in nanoseconds: the same clock in every process of the machine, never set back.
inline int64_t MonotonicNow() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // vDSO: no system call.
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The time on that clock when `length` is over; INT64_MAX: never.
inline int64_t TimeAfter(int64_t start, absl::Duration length) noexcept {
  const int64_t ns = absl::ToInt64Nanoseconds(std::max(length, absl::ZeroDuration()));
  return ns > INT64_MAX - start ? INT64_MAX : start + ns;
}
inline int64_t DeadlineAfter(absl::Duration timeout) noexcept {
  return TimeAfter(MonotonicNow(), timeout);
}

}  // namespace holler

#endif  // HOLLER_CLOCK_H_
