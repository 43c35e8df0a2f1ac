#include "holler/timer.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "holler/clock.h"

namespace holler {
TimerSource::TimerSource(LoopCore& loop, TimerHandler handler)
    : LoopSource(loop, "timer"), handler_(std::move(handler)) {}

void TimerSource::Set(int64_t due, int64_t period) {
  due_ = due;
  period_ = period;
  loop().Schedule(*this, due);
}

void TimerSource::Cancel() { loop().Unschedule(*this); }

void TimerSource::OnTimer(int64_t now) {
  TimerEvent event{.due = due_, .missed = 0};
  if (period_ > 0) {
    // The next is a whole number of periods after the first, however late this one is.
    event.missed = static_cast<uint64_t>((now - due_) / period_);
    event.due = due_ + static_cast<int64_t>(event.missed) * period_;
    // Before the handler, which may set it anew.
    Set(TimeAfter(event.due, absl::Nanoseconds(period_)), period_);
  }
  loop().Call(*this, [&] { handler_(event); });
}

void Timer::Cancel() {
  const std::shared_ptr<LoopCore> alive = loop().lock();
  const std::shared_ptr<LoopSource> timer = source().lock();
  if (alive != nullptr && timer != nullptr) static_cast<TimerSource&>(*timer).Cancel();
}

void Timer::At(int64_t time) {
  const std::shared_ptr<LoopCore> alive = loop().lock();
  const std::shared_ptr<LoopSource> timer = source().lock();
  if (alive != nullptr && timer != nullptr) static_cast<TimerSource&>(*timer).Set(time, 0);
}

void Timer::After(absl::Duration delay) { Set(delay, 0); }

void Timer::Every(absl::Duration period) {
  assert(period > absl::ZeroDuration() && "a period that is not positive");
  Set(period, std::max<int64_t>(absl::ToInt64Nanoseconds(period), 1));
}

void Timer::Set(absl::Duration delay, int64_t period) {
  const std::shared_ptr<LoopCore> alive = loop().lock();
  const std::shared_ptr<LoopSource> timer = source().lock();
  if (alive == nullptr || timer == nullptr) return;
  static_cast<TimerSource&>(*timer).Set(TimeAfter(alive->Now(), delay), period);
}

}  // namespace holler
