#include "holler/timer.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace holler {
namespace {

int64_t Add(int64_t time, int64_t delay) {
  return time > INT64_MAX - delay ? INT64_MAX : time + delay;
}
int64_t ToDelay(absl::Duration delay) {
  return std::max<int64_t>(absl::ToInt64Nanoseconds(delay), 0);
}

}  // namespace

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
    Set(Add(event.due, period_), period_);
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

void Timer::After(absl::Duration delay) { Set(ToDelay(delay), 0); }

void Timer::Every(absl::Duration period) {
  assert(period > absl::ZeroDuration() && "a period that is not positive");
  const int64_t length = std::max<int64_t>(ToDelay(period), 1);
  Set(length, length);
}

void Timer::Set(int64_t delay, int64_t period) {
  const std::shared_ptr<LoopCore> alive = loop().lock();
  const std::shared_ptr<LoopSource> timer = source().lock();
  if (alive == nullptr || timer == nullptr) return;
  static_cast<TimerSource&>(*timer).Set(Add(alive->Now(), delay), period);
}

}  // namespace holler
