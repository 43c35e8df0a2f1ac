#include "holler/task_queue.h"

#include <sys/eventfd.h>

namespace holler {

void TaskQueue::Post(Task task) {
  if (!task) return;  // Next says with one that there are no more.
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    first = posted_.empty();
    posted_.push_back(std::move(task));
  }
  // Whoever posted the first has woken the loop, which will find the others with it.
  if (first) Wake();
}

void TaskQueue::Wake() const noexcept {
  if (!home_.is_here()) return;
  // EAGAIN: the counter is full, so it is readable already.
  [[maybe_unused]] const int done = ::eventfd_write(eventfd_.get(), 1);
}

void TaskQueue::Hush() const noexcept {
  eventfd_t count;
  [[maybe_unused]] const int done = ::eventfd_read(eventfd_.get(), &count);
}

Task TaskQueue::Next() {
  if (next_ == running_.size()) {
    running_.clear();
    next_ = 0;
    const std::lock_guard lock(mutex_);
    std::swap(running_, posted_);  // Both keep their room, so that posting rarely allocates.
  }
  return next_ < running_.size() ? std::move(running_[next_++]) : Task();
}

void TaskQueue::Close() {
  std::vector<Task> posted;  // Destroyed without the lock: what tasks hold may post others.
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    std::swap(posted, posted_);
  }
  running_.clear();
  next_ = 0;
}

}  // namespace holler
