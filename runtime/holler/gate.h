// Go / no-go: a count of matched peers that threads can wait for.
#ifndef HOLLER_GATE_H_
#define HOLLER_GATE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "absl/time/time.h"

namespace holler {

// Open while the count is not 0. Thread safety: thread-safe.
class Gate {
 public:
  void Add(int change) {
    std::lock_guard lock(mutex_);
    count_.fetch_add(change);
    changed_.notify_all();
  }

  // Takes no lock.
  int count() const noexcept { return count_.load(); }

  // Sleeps until the gate is open or `timeout` is over. Returns whether it is open.
  bool Wait(absl::Duration timeout) const {
    std::unique_lock lock(mutex_);
    const auto open = [this] { return count() > 0; };
    // Beyond a century, a deadline would overflow the clock.
    if (timeout > absl::Hours(24 * 365 * 100)) {
      changed_.wait(lock, open);
      return true;
    }
    return changed_.wait_until(
        lock, std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout), open);
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::atomic<int> count_{0};  // Written with the lock held, so that no waiter misses it.
};

}  // namespace holler

#endif  // HOLLER_GATE_H_
