// The clock of publish times and of discovery's timers.
#ifndef HOLLER_CLOCK_H_
#define HOLLER_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace holler {

inline constexpr int64_t kMillisecond = 1'000'000;

// CLOCK_MONOTONIC in nanoseconds: the same clock in every process of the machine, never set back.
inline int64_t MonotonicNow() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // vDSO: no system call.
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace holler

#endif  // HOLLER_CLOCK_H_
