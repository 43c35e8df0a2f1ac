#include "holler/wall_time.h"

#include <time.h>

namespace holler {

ClockPair ReadClockPair(const Clock& clock) {
  constexpr int kReadings = 5;  // A reading that was preempted is wide; hardly all of them are.
  ClockPair best{.doubt = INT64_MAX};
  for (int i = 0; i < kReadings; ++i) {
    timespec wall;
    const int64_t before = clock.Now();
    ::clock_gettime(CLOCK_REALTIME, &wall);
    const int64_t after = clock.Now();
    if (after - before >= best.doubt) continue;
    best = {.publish_time = before + (after - before) / 2,
            .wall_time = absl::TimeFromTimespec(wall),
            .doubt = after - before};
  }
  return best;
}

}  // namespace holler
