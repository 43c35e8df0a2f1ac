// Whether something that should happen again and again still does.
#ifndef HOLLER_DEADLINE_H_
#define HOLLER_DEADLINE_H_

#include <cstdint>
#include <utility>

namespace holler {

// Counts as missed once nothing came for `length` nanoseconds, and as met again with the next.
// Times are handed in. Cheap for what comes often: it only notes the time, and whoever waits for
// due() looks then whether it has moved on.
// Thread safety: thread-compatible.
class Deadline {
 public:
  explicit Deadline(int64_t length = 0) noexcept : length_(length) {}

  bool enabled() const noexcept { return length_ > 0; }
  bool missed() const noexcept { return missed_; }
  int64_t last() const noexcept { return last_; }
  // When it is missed if nothing comes.
  int64_t due() const noexcept { return last_ > INT64_MAX - length_ ? INT64_MAX : last_ + length_; }

  // Counts from `now` on.
  void Start(int64_t now) noexcept {
    last_ = now;
    missed_ = false;
  }
  // It happened. Returns whether the deadline had been missed.
  bool Beat(int64_t now) noexcept {
    last_ = now;
    return std::exchange(missed_, false);
  }
  // Looks at the time. Returns whether the deadline is missed, and was not known to be.
  bool Check(int64_t now) noexcept {
    if (missed_ || now < due()) return false;
    return missed_ = true;
  }

 private:
  int64_t length_;
  int64_t last_ = 0;
  bool missed_ = false;
};

}  // namespace holler

#endif  // HOLLER_DEADLINE_H_
