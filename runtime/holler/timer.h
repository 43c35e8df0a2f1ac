// A timer of an event loop.
#ifndef HOLLER_TIMER_H_
#define HOLLER_TIMER_H_

#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "holler/loop_core.h"
#include "holler/loop_options.h"
#include "holler/loop_source.h"
#include "holler/registration.h"

namespace holler {

// The timer inside the loop.
// Thread safety: thread-compatible; belongs to the loop's thread.
class TimerSource final : public LoopSource {
 public:
  TimerSource(LoopCore& loop, TimerHandler handler);

  // Due at `due`, and every `period` nanoseconds after that; 0: once.
  void Set(int64_t due, int64_t period);
  void Cancel();

  void OnTimer(int64_t now) override;

 private:
  int64_t due_ = 0;
  int64_t period_ = 0;
  TimerHandler handler_;
};

// A timer one holds: its destructor ends it. All calls may come from within its own handler.
//
//   auto tick = loop->Every(absl::Milliseconds(10), [&](const holler::TimerEvent& event) {
//     Control(event.due, event.missed);
//   });
//   tick->Cancel();
//   tick->After(absl::Seconds(1));   // once more, in a second
//
// Thread safety: as Registration.
class [[nodiscard]] Timer : public Registration {
 public:
  // Stands for nothing.
  Timer() = default;
  Timer(const std::shared_ptr<LoopCore>& loop, const std::shared_ptr<TimerSource>& source)
      : Registration(loop, source) {}

  // It is not due any more; it can be set again.
  void Cancel();
  // Anew, instead of what it was set to: once, or periodically. Times are the loop's clock's;
  // those that are over are due at once. A period must be positive.
  void At(int64_t time);
  void After(absl::Duration delay);
  void Every(absl::Duration period);

 private:
  void Set(absl::Duration delay, int64_t period);
};

}  // namespace holler

#endif  // HOLLER_TIMER_H_
