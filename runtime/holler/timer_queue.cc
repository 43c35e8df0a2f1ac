#include "holler/timer_queue.h"

namespace holler {

void TimerQueue::Schedule(TimerNode& node, int64_t due) {
  Cancel(node);
  node.due = due;
  node.order = next_order_++;
  heap_.push_back(&node);
  Rise(&node, heap_.size() - 1);
}

void TimerQueue::Cancel(TimerNode& node) noexcept {
  if (!node.scheduled()) return;
  const size_t hole = node.place;
  node.place = TimerNode::kNowhere;
  TimerNode* last = heap_.back();
  heap_.pop_back();
  if (last == &node) return;
  // The last one fills the hole, and belongs above or below it.
  Rise(last, hole);
  Sink(last, last->place);
}

TimerNode* TimerQueue::PopDue(int64_t now, uint64_t order) noexcept {
  if (heap_.empty()) return nullptr;
  TimerNode* first = heap_.front();
  if (first->due > now || first->order >= order) return nullptr;
  Cancel(*first);
  return first;
}

void TimerQueue::Put(TimerNode* node, size_t place) noexcept {
  heap_[place] = node;
  node->place = place;
}

void TimerQueue::Rise(TimerNode* node, size_t place) noexcept {
  while (place > 0) {
    const size_t parent = (place - 1) / 2;
    if (!Before(*node, *heap_[parent])) break;
    Put(heap_[parent], place);
    place = parent;
  }
  Put(node, place);
}

void TimerQueue::Sink(TimerNode* node, size_t place) noexcept {
  while (true) {
    size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && Before(*heap_[child + 1], *heap_[child])) ++child;
    if (!Before(*heap_[child], *node)) break;
    Put(heap_[child], place);
    place = child;
  }
  Put(node, place);
}

}  // namespace holler
