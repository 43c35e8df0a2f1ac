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
    const uint64_t n = count_.load(std::memory_order_relaxed) + 1;
    count_.store(n, std::memory_order_seq_cst);
    uint64_t asked = asked_.load(std::memory_order_seq_cst);
    if (asked == 0 || asked > n) [[likely]]
      return;
    // Only the request that was seen is answered. One made meanwhile stays: it may be for a later
    // beat, since the watcher may have seen this one by itself.
    if (asked_.compare_exchange_strong(asked, 0, std::memory_order_seq_cst)) news_->Ring();
  }

  // Has the next beat ring. Returns the number of beats before; those that the caller did not know
  // of may have rung, or not.
  //
  // A request is the number of the first beat that was not seen here, so that none which the caller
  // knows answers it. Beat and this store, then load, all in one total order: a beat that does not
  // see the request has counted before the count is read again, and is among those returned. So has
  // one that sees an earlier request and loses the exchange to this one. If both requests are the
  // same number, the exchange may answer this one: by a beat that the caller did not know.
  uint64_t WakeAtNext() noexcept {
    asked_.store(count_.load(std::memory_order_seq_cst) + 1, std::memory_order_seq_cst);
    return count_.load(std::memory_order_seq_cst);
  }

  uint64_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  int64_t last() const noexcept { return last_.load(std::memory_order_relaxed); }

 private:
  const std::shared_ptr<MatchNews> news_;
  const Clock clock_;
  std::atomic<int64_t> last_;
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> asked_{0};  // The first beat that is to ring; 0: none.
};

}  // namespace holler

#endif  // HOLLER_PULSE_H_
