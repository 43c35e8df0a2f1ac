// Timers by when they are due. No clock and no system call: its owner has both.
#ifndef HOLLER_TIMER_QUEUE_H_
#define HOLLER_TIMER_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holler {

class LoopSource;

// A place in the queue; part of whoever waits for it.
struct TimerNode {
  static constexpr size_t kNowhere = SIZE_MAX;

  explicit TimerNode(LoopSource* waits) : source(waits) {}
  TimerNode(const TimerNode&) = delete;
  TimerNode& operator=(const TimerNode&) = delete;

  bool scheduled() const noexcept { return place != kNowhere; }

  LoopSource* const source;
  int64_t due = 0;
  uint64_t order = 0;       // Among those due at the same time, who came first is first.
  size_t place = kNowhere;  // Where in the heap.
};

// A binary heap whose nodes know their places, so that one can be taken out of the middle.
//
//   queue.Schedule(node, due);
//   while (TimerNode* node = queue.PopDue(now, queue.next_order())) node->source->OnTimer(now);
//
// Allocates only while it grows beyond all it ever held.
// Thread safety: thread-compatible. Nodes must be cancelled before they go.
class TimerQueue {
 public:
  static constexpr int64_t kNever = INT64_MAX;

  // Moves a node that is scheduled already.
  void Schedule(TimerNode& node, int64_t due);
  void Cancel(TimerNode& node) noexcept;

  // Takes out the first node if it is due. Those scheduled at or after `order` are left for the
  // next turn, so that one which is always due cannot keep its thread.
  TimerNode* PopDue(int64_t now, uint64_t order) noexcept;

  uint64_t next_order() const noexcept { return next_order_; }
  int64_t next_due() const noexcept { return heap_.empty() ? kNever : heap_.front()->due; }
  size_t size() const noexcept { return heap_.size(); }

 private:
  static bool Before(const TimerNode& a, const TimerNode& b) noexcept {
    return a.due != b.due ? a.due < b.due : a.order < b.order;
  }
  void Put(TimerNode* node, size_t place) noexcept;
  void Rise(TimerNode* node, size_t place) noexcept;
  void Sink(TimerNode* node, size_t place) noexcept;

  std::vector<TimerNode*> heap_;
  uint64_t next_order_ = 0;
};

}  // namespace holler

#endif  // HOLLER_TIMER_QUEUE_H_
