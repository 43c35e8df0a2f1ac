// Go / no-go: a count of matched peers that threads can wait for.
#ifndef HOLLER_GATE_H_
#define HOLLER_GATE_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "holler/match_news.h"

namespace holler {

class LoopSource;

// Open while the count is not 0. Thread safety: thread-safe.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { Close(); }

  void Add(int change) {
    std::lock_guard lock(mutex_);
    count_.fetch_add(change);
    changed_.notify_all();
    for (const auto& listener : listeners_) {
      if (const auto news = listener.lock()) news->Set(count_);
    }
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

  // News of each change, for a listener of its own, as long as it keeps them. Errors: the limit on
  // open files.
  absl::StatusOr<std::shared_ptr<MatchNews>> Listen() {
    std::lock_guard lock(mutex_);
    absl::StatusOr<std::shared_ptr<MatchNews>> news = MatchNews::Create(count_);
    if (!news.ok()) return news;
    std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
    listeners_.push_back(*news);
    return news;
  }

  // The fd of the gate's own news: readable first and after each change, until Hear. Errors: as
  // Listen.
  absl::StatusOr<int> Fd() {
    if (std::lock_guard lock(mutex_); own_news_ != nullptr) return own_news_->fd();
    absl::StatusOr<std::shared_ptr<MatchNews>> news = Listen();
    if (!news.ok()) return news.status();
    std::lock_guard lock(mutex_);
    if (own_news_ == nullptr) own_news_ = std::move(*news);
    return own_news_->fd();
  }
  // Makes it quiet. Returns the count.
  int Hear() noexcept {
    std::lock_guard lock(mutex_);
    return own_news_ == nullptr ? count() : own_news_->Hear();
  }

  // Who watches the rate of this endpoint, if anybody: one at a time. By its publishing thread.
  std::weak_ptr<LoopSource>& rate_watch() noexcept { return rate_watch_; }

  // The endpoint is gone: nobody is told anything more.
  void Close() noexcept {
    std::lock_guard lock(mutex_);
    for (const auto& listener : listeners_) {
      if (const auto news = listener.lock()) news->Close();
    }
    listeners_.clear();
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::atomic<int> count_{0};  // Written with the lock held, so that no waiter misses it.
  std::vector<std::weak_ptr<MatchNews>> listeners_;  // Guarded by mutex_, as is own_news_.
  std::shared_ptr<MatchNews> own_news_;
  std::weak_ptr<LoopSource> rate_watch_;
};

}  // namespace holler

#endif  // HOLLER_GATE_H_
