// What a user may say to an event loop, and what its handlers are told.
#ifndef HOLLER_LOOP_OPTIONS_H_
#define HOLLER_LOOP_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "holler/clock.h"
#include "holler/liveness.h"
#include "holler/log.h"

namespace holler {

struct EventLoopOptions {
  // A handler that runs longer is reported. While it runs, the loop serves nothing else.
  absl::Duration slow_handler = absl::Milliseconds(100);
  // What a handler throws is reported in any case. With this, Run and RunOnce then end with it.
  bool rethrow = false;
  // Receives reports. Default: stderr.
  LogSink log{};
  // What timers, deadlines and the times of handlers go by. Default: CLOCK_MONOTONIC. With a clock
  // of one's own, due timers are served whenever the loop runs, but do not wake it: whoever moves
  // the clock calls RunOnce, or Wake.
  ClockFunction clock{};
};

// A timer is due.
struct TimerEvent {
  int64_t due = 0;  // When it should have been called, by the loop's clock.
  uint64_t missed =
      0;  // Calls of a periodic timer left out before, for which the loop was too late.
};
using TimerHandler = absl::AnyInvocable<void(const TimerEvent&)>;

// What has become of a deadline.
enum class DeadlineState {
  kMet,        // After a miss: samples come again.
  kUnmatched,  // Missed, and no publisher is matched: none came yet, or all left or died.
  kStopped,    // Missed, and the processes of all publishers are stopped (SIGSTOP, ^Z, a debugger).
  kSilent,     // Missed, though a publisher runs.
};
struct DeadlineEvent {
  DeadlineState state = DeadlineState::kMet;
  absl::Duration silence{};  // Since the last sample, or since the deadline was set.
};
using DeadlineHandler = absl::AnyInvocable<void(const DeadlineEvent&)>;

// For EventLoop::OnSample.
struct SampleOptions {
  // Samples the handler gets before others have their turn.
  int samples_per_turn = 16;
  // Only the newest sample each time; older ones are skipped.
  bool latest = false;
  // `on_deadline` is called once when no sample came for that long, and once when samples come
  // again; the handler of samples is called after it. 0: no deadline.
  absl::Duration deadline{};
  DeadlineHandler on_deadline{};
};

}  // namespace holler

#endif  // HOLLER_LOOP_OPTIONS_H_
