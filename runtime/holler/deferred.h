// Callbacks of endpoints that run on the thread of an event loop.
#ifndef HOLLER_DEFERRED_H_
#define HOLLER_DEFERRED_H_

#include <memory>
#include <utility>

#include "holler/task_queue.h"

namespace holler {

// Called on any thread, has its handler called with copies of the arguments on the loop's. It is
// what EventLoop::Defer returns. Calls that are due when the last copy of it is gone, or when the
// loop is, are dropped.
// Thread safety: thread-safe; its handler runs on the loop's thread alone.
template <typename Handler>
class Deferred {
 public:
  Deferred(std::weak_ptr<TaskQueue> tasks, Handler handler)
      : tasks_(std::move(tasks)), handler_(std::make_shared<Handler>(std::move(handler))) {}

  template <typename... Args>
  void operator()(const Args&... args) const {
    const std::shared_ptr<TaskQueue> tasks = tasks_.lock();
    if (tasks == nullptr) return;
    tasks->Post([handler = std::weak_ptr<Handler>(handler_), args...] {
      if (const std::shared_ptr<Handler> alive = handler.lock()) (*alive)(args...);
    });
  }

 private:
  std::weak_ptr<TaskQueue> tasks_;
  std::shared_ptr<Handler> handler_;
};

}  // namespace holler

#endif  // HOLLER_DEFERRED_H_
