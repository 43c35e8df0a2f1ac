// When a node announces its endpoints: by the clock it is given, so that it can be tested.
#ifndef HOLLER_ANNOUNCE_SCHEDULE_H_
#define HOLLER_ANNOUNCE_SCHEDULE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>

#include "holler/clock.h"

namespace holler {

struct AnnounceStep {
  int64_t after;  // The start, in ns.
  bool holler;
  bool sweep;
};

// After an endpoint was added: a holler at once, then these. A lost datagram costs 100 ms (the
// first sweep); a peer whose listener appeared during a sweep is met by the next. Then silence.
inline constexpr AnnounceStep kAnnounceSteps[] = {
    {100 * kMillisecond, true, true},
    {400 * kMillisecond, true, true},
    {1'200 * kMillisecond, false, true},
};

// Goes through the steps once for each start. Thread safety: thread-compatible.
class AnnounceSchedule {
 public:
  // From the beginning, even if it was under way. But a first step that is still to come is not
  // put off: whoever adds endpoints all the time must sweep as well.
  void Start(int64_t now) {
    const int64_t first = now + kAnnounceSteps[0].after;
    first_ = step_ == 0 ? std::min(first_, first) : first;
    start_ = now;
    step_ = 0;
  }

  // The next step that is due at `now`; each is taken once. A thread that was late takes several.
  std::optional<AnnounceStep> TakeDue(int64_t now) {
    if (now < next()) return std::nullopt;
    return kAnnounceSteps[step_++];
  }

  // When the next step is due; INT64_MAX when there is none.
  int64_t next() const {
    if (step_ == 0) return first_;
    return step_ < std::size(kAnnounceSteps) ? start_ + kAnnounceSteps[step_].after : INT64_MAX;
  }

 private:
  int64_t start_ = 0;
  int64_t first_ = 0;  // When the first step is due.
  size_t step_ = std::size(kAnnounceSteps);
};

}  // namespace holler

#endif  // HOLLER_ANNOUNCE_SCHEDULE_H_
