// The clock of publish times and of discovery's timers.
#ifndef HOLLER_CLOCK_H_
#define HOLLER_CLOCK_H_

#include <time.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

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
// For ever costs no look at the clock: who wakes up after a while finds all it needs out of cache.
inline int64_t DeadlineAfter(absl::Duration timeout) noexcept {
  return timeout == absl::InfiniteDuration() ? INT64_MAX : TimeAfter(MonotonicNow(), timeout);
}

// Whether CLOCK_MONOTONIC shows `deadline`; never, if that is INT64_MAX.
inline bool IsOver(int64_t deadline) noexcept {
  return deadline != INT64_MAX && MonotonicNow() >= deadline;
}

// From `then` to `now`, as far as that can be said: a peer's time may be any number.
constexpr int64_t Since(int64_t now, int64_t then) noexcept {
  int64_t between = 0;
  if (!__builtin_sub_overflow(now, then, &between)) return between;
  return now > then ? INT64_MAX : INT64_MIN;
}

// Another clock: returns nanoseconds that never decrease. Called by any thread, and where nothing
// may throw or block.
using ClockFunction = std::function<int64_t()>;

// The clock somebody chose, or CLOCK_MONOTONIC at hardly any cost.
// Thread safety: as the function is.
class Clock {
 public:
  Clock() = default;
  explicit Clock(ClockFunction function) : function_(std::move(function)) {}

  int64_t Now() const noexcept { return function_ ? function_() : MonotonicNow(); }
  bool is_monotonic_clock() const noexcept { return function_ == nullptr; }

 private:
  ClockFunction function_;
};

}  // namespace holler

#endif  // HOLLER_CLOCK_H_
