// The publishers that one subscriber is matched with, on their way from discovery, which finds
// them and sees them die, to the thread that takes.
#ifndef HOLLER_SOURCE_LIST_H_
#define HOLLER_SOURCE_LIST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "holler/counters.h"
#include "holler/peers.h"
#include "holler/slot_ring.h"
#include "holler/source.h"

namespace holler {

// What a publisher left behind is still taken, then dropped; what was counted of it stays counted.
//
// Thread safety: Arrive and End by one thread at a time (discovery holds its lock); counters and
// publishers by any thread; all else by the taking thread.
class SourceList {
 public:
  // A publisher has confirmed: it waits to be adopted.
  void Arrive(std::shared_ptr<Source> source);
  // A publisher that was started is gone: what it has published by now is all there will be.
  void End(Source& source) noexcept;

  // Whether there is something to adopt or, perhaps, to drop.
  bool changed() const noexcept { return changed_.raised(); }
  // Takes over what arrived, and calls `visit(Source&)` for each of it.
  template <typename Visit>
  void Adopt(Visit&& visit) noexcept {
    {
      std::lock_guard lock(handoff_);
      changed_.Lower();
      for (auto& source : arrivals_) {
        visit(*source);
        sources_.push_back(std::move(source));
      }
      arrivals_.clear();
      before_.lost += std::exchange(lost_unseen_, 0);
    }
    DropEnded();  // Who never finds nothing to take would keep them all.
  }
  // Whether one of them was seen to have ended: then DropEnded before each take.
  bool has_ended() const noexcept { return has_ended_; }
  // Whether DropEnded may have something to do, as far as was seen: for who takes again and again.
  bool has_leftovers() const noexcept { return has_ended_ || !ended_.empty(); }
  // Lets go of those of which there is nothing more to take. Without a lock, unless there are any.
  void DropEnded() noexcept;

  // Those of which there is or may be something to take, matched longest first.
  auto begin() const noexcept { return sources_.begin(); }
  auto end() const noexcept { return sources_.end(); }
  size_t size() const noexcept { return sources_.size(); }

  // Whether the user holds a sample of any, of those that were dropped as well.
  bool holds_any() const noexcept;
  // As far as the taking thread knows: over all publishers there ever were.
  uint64_t lost() const noexcept;
  uint64_t skipped() const noexcept;
  uint64_t malformed() const noexcept;

  // Over all publishers there ever were, but for `dropped`.
  SubscriberCounters counters() const;
  // Those that are matched at present.
  std::vector<PublisherPeer> publishers() const;

 private:
  using Sources = std::vector<std::shared_ptr<Source>>;

  static uint64_t Untaken(const Source& source) noexcept;
  static std::ptrdiff_t CountEnded(const Sources& sources) noexcept;
  static SubscriberCounters ForgetFirstEnded(Sources& sources, Sources& forgotten) noexcept;

  Flag changed_;
  mutable std::mutex handoff_;
  Sources arrivals_;          // Guarded by handoff_.
  uint64_t lost_unseen_ = 0;  // In arrivals that were forgotten. Guarded by handoff_.

  // Written by the taking thread with handoff_ held: so it reads them without, and others with it.
  Sources sources_;
  SubscriberCounters before_;  // Of sources that are gone.

  // The taking thread's own.
  Sources ended_;  // Drained, but with samples still held.
  bool has_ended_ = false;
};

}  // namespace holler

#endif  // HOLLER_SOURCE_LIST_H_
