// What other threads want an event loop to do.
#ifndef HOLLER_TASK_QUEUE_H_
#define HOLLER_TASK_QUEUE_H_

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "holler/home_process.h"
#include "holler/unique_fd.h"

namespace holler {

using Task = absl::AnyInvocable<void()>;

// Tasks in the order in which they were posted, and an eventfd that wakes who runs them.
// Thread safety: Post and Wake by any thread; the rest by the thread that runs tasks.
class TaskQueue {
 public:
  explicit TaskQueue(UniqueFd eventfd) : eventfd_(std::move(eventfd)) {}

  // Dropped after Close; an empty one at once.
  void Post(Task task);
  // Makes fd() readable, with or without tasks; not in a forked child, which shares it.
  void Wake() const noexcept;

  // Readable when there may be tasks, until Hush.
  int fd() const noexcept { return eventfd_.get(); }
  void Hush() const noexcept;

  // The next task; empty if there is none.
  Task Next();

  // Drops all tasks: the loop is gone.
  void Close();

 private:
  const HomeProcess home_;
  const UniqueFd eventfd_;
  std::vector<Task> running_;  // Taken over from posted_: one lock for many.
  size_t next_ = 0;            // In running_.
  std::mutex mutex_;
  std::vector<Task> posted_;  // Guarded by mutex_, as is closed_.
  bool closed_ = false;
};

}  // namespace holler

#endif  // HOLLER_TASK_QUEUE_H_
