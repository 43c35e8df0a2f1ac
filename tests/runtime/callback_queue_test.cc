#include "holler/callback_queue.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace holler {
namespace {

class CallbackQueueTest : public testing::Test {
 protected:
  // Runs what is there, as the discovery thread does.
  void Run() {
    std::unique_lock lock(mutex_);
    queue_.Run(lock);
  }
  void Post(uint64_t endpoint, int note) {
    std::lock_guard lock(mutex_);
    queue_.Post(endpoint, [this, note] { notes_.push_back(note); });
  }

  std::mutex mutex_;
  CallbackQueue queue_;
  std::vector<int> notes_;
};

TEST_F(CallbackQueueTest, CallsInOrderAndOnce) {
  Post(1, 10);
  Post(2, 20);
  Post(1, 11);
  Run();
  EXPECT_EQ(notes_, (std::vector<int>{10, 20, 11}));
  Run();
  EXPECT_EQ(notes_.size(), 3u);
}

TEST_F(CallbackQueueTest, CallsWithoutTheLock) {
  bool locked = false;
  queue_.Post(1, [&] {
    locked = mutex_.try_lock();
    if (locked) mutex_.unlock();
  });
  Run();
  EXPECT_TRUE(locked);
}

TEST_F(CallbackQueueTest, ACallbackMayPostAnother) {
  queue_.Post(1, [&] { Post(1, 5); });
  Run();
  EXPECT_EQ(notes_, std::vector<int>{5});
}

TEST_F(CallbackQueueTest, WhoIsForgottenIsNotCalled) {
  Post(1, 10);
  Post(2, 20);
  {
    std::unique_lock lock(mutex_);
    queue_.Forget(1, lock);
  }
  Run();
  EXPECT_EQ(notes_, std::vector<int>{20});
}

TEST_F(CallbackQueueTest, ACallbackMayForgetItself) {
  queue_.Post(1, [&] {
    std::lock_guard lock(mutex_);
    queue_.ForgetFromWithin(1);
  });
  Post(1, 11);
  Run();
  EXPECT_TRUE(notes_.empty());
}

TEST_F(CallbackQueueTest, ForgettingAwaitsTheOneThatRuns) {
  std::atomic<bool> runs{false};
  std::atomic<bool> ended{false};
  auto captured = std::make_shared<int>(0);
  const std::weak_ptr<int> watched = captured;
  queue_.Post(1, [&runs, &ended, captured = std::move(captured)] {
    runs.store(true);
    runs.notify_all();
    for (int i = 0; i < 1'000; ++i) std::this_thread::yield();
    ended.store(true);
  });
  std::thread thread([&] { Run(); });
  runs.wait(false);
  {
    std::unique_lock lock(mutex_);
    queue_.Forget(1, lock);
  }
  EXPECT_TRUE(ended.load());
  EXPECT_TRUE(watched.expired()) << "what it captured is gone as well";
  thread.join();
}

}  // namespace
}  // namespace holler
