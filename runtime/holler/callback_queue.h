// The callbacks of users that are due: run by the discovery thread, one at a time, without
// discovery's lock.
#ifndef HOLLER_CALLBACK_QUEUE_H_
#define HOLLER_CALLBACK_QUEUE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>

namespace holler {

// Thread safety: thread-compatible; discovery holds its lock, which Run and Forget let go of while
// they wait.
class CallbackQueue {
 public:
  // Has `run` called, unless the endpoint is forgotten before. Endpoint 0 is nobody's.
  void Post(uint64_t endpoint, std::function<void()> run) {
    callbacks_.push_back({endpoint, std::move(run)});
  }

  // Calls what is there, in order. By the discovery thread.
  void Run(std::unique_lock<std::mutex>& lock);

  // Drops the callbacks of an endpoint, and waits for the one that runs.
  void Forget(uint64_t endpoint, std::unique_lock<std::mutex>& lock);
  // As Forget, within a callback: that one may still finish.
  void ForgetFromWithin(uint64_t endpoint);

 private:
  struct Callback {
    uint64_t endpoint;
    std::function<void()> run;
  };

  std::deque<Callback> callbacks_;
  uint64_t running_ = 0;  // Endpoint whose callback runs now.
  std::condition_variable done_;
};

}  // namespace holler

#endif  // HOLLER_CALLBACK_QUEUE_H_
