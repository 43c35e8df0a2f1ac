#include "holler/callback_queue.h"

#include <utility>

namespace holler {

void CallbackQueue::Run(std::unique_lock<std::mutex>& lock) {
  while (!callbacks_.empty()) {
    Callback callback = std::move(callbacks_.front());
    callbacks_.pop_front();
    running_ = callback.endpoint;
    lock.unlock();
    callback.run();
    callback.run = nullptr;  // What it captured goes while Forget still waits.
    lock.lock();
    running_ = 0;
    done_.notify_all();
  }
}

void CallbackQueue::Forget(uint64_t endpoint, std::unique_lock<std::mutex>& lock) {
  ForgetFromWithin(endpoint);
  done_.wait(lock, [&] { return running_ != endpoint; });
}

void CallbackQueue::ForgetFromWithin(uint64_t endpoint) {
  std::erase_if(callbacks_, [&](const Callback& c) { return c.endpoint == endpoint; });
}

}  // namespace holler
