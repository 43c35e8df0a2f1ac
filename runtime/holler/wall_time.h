// From publish times to the time of day.
#ifndef HOLLER_WALL_TIME_H_
#define HOLLER_WALL_TIME_H_

#include <cstdint>

#include "absl/time/time.h"
#include "holler/clock.h"

namespace holler {

// What two clocks showed at the same moment.
struct ClockPair {
  int64_t publish_time = 0;  // The clock of publish times, in nanoseconds.
  absl::Time wall_time{};    // CLOCK_REALTIME.
  int64_t doubt = 0;         // Nanoseconds between the readings before and after: how exact it is.
};

// Reads both, several times, and returns the reading with the least doubt. `clock` is that of the
// publisher's node, if it has its own.
ClockPair ReadClockPair(const Clock& clock = Clock());

// The time of day at which a sample was published.
//
//   const holler::ClockPair clocks = holler::ReadClockPair();      // once for a whole recording
//   Log(holler::ToWallTime(sample.publish_time(), clocks));
//
// With one pair for several samples, their order and distances stay what they were. Without one,
// the clocks are read anew; what was set or slewed since the sample was published then moves it.
// As good as CLOCK_REALTIME is: whoever sets that clock changes what the same publish time means.
inline absl::Time ToWallTime(int64_t publish_time, const ClockPair& clocks = ReadClockPair()) {
  return clocks.wall_time + absl::Nanoseconds(Since(publish_time, clocks.publish_time));
}

// The publish time of a sample that would have been published at `wall_time`: for finding samples
// by the time of day.
inline int64_t ToPublishTime(absl::Time wall_time, const ClockPair& clocks = ReadClockPair()) {
  return clocks.publish_time + absl::ToInt64Nanoseconds(wall_time - clocks.wall_time);
}

}  // namespace holler

#endif  // HOLLER_WALL_TIME_H_
