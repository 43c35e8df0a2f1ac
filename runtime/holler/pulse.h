// When a publisher published last, for whoever watches its rate.
#ifndef HOLLER_PULSE_H_
#define HOLLER_PULSE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "holler/clock.h"
#include "holler/match_news.h"

namespace holler {

// Shared by the publishing thread and one watcher, which may outlive the publisher. The watcher
// looks when it likes; only after WakeAtNext does a beat ring for it.
// Thread safety: Beat by one thread, the rest by another.
class Pulse {
 public:
  // Rings `news`. Times are those of `clock`, the watcher's.
  Pulse(std::shared_ptr<MatchNews> news, Clock clock)
      : news_(std::move(news)), clock_(std::move(clock)), last_(clock_.Now()) {}

  // A sample was published.
  void Beat() noexcept {
    last_.store(clock_.Now(), std::memory_order_relaxed);
    // Store, then load, on both sides: one of them sees the other, so no beat goes unheard.
    count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
    if (wake_.load(std::memory_order_seq_cst)) [[unlikely]] {
      wake_.store(false, std::memory_order_relaxed);
      news_->Ring();
    }
  }

  // Has the next beat ring. Returns the number of beats before.
  uint64_t WakeAtNext() noexcept {
    wake_.store(true, std::memory_order_seq_cst);
    return count_.load(std::memory_order_seq_cst);
  }

  uint64_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  int64_t last() const noexcept { return last_.load(std::memory_order_relaxed); }

 private:
  const std::shared_ptr<MatchNews> news_;
  const Clock clock_;
  std::atomic<int64_t> last_;
  std::atomic<uint64_t> count_{0};
  std::atomic<bool> wake_{false};
};

}  // namespace holler

#endif  // HOLLER_PULSE_H_
