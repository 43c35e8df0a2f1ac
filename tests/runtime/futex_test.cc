#include "holler/futex.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/clock.h"
#include "holler/unique_fd.h"
#include "process_support.h"

namespace holler {
namespace {

constexpr int64_t kLongNs = 60'000'000'000;  // ns; for failures only.

class FutexTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!CanSleepOnWords()) GTEST_SKIP() << "this kernel has no futex_waitv";
  }
  std::atomic<uint32_t> one_{1};
  std::atomic<uint32_t> two_{2};
  std::vector<FutexWord> Words() const { return {{&one_, 1, false}, {&two_, 2, false}}; }
};

TEST_F(FutexTest, TheDeadlineEndsASleep) {
  const int64_t deadline = MonotonicNow() + 2'000'000;
  while (SleepOnWords(Words(), deadline)) {
  }
  EXPECT_GE(MonotonicNow(), deadline);
  EXPECT_FALSE(SleepOnWords(Words(), 0)) << "one that is over";
}

TEST_F(FutexTest, AnotherValueIsNoReasonToSleep) {
  two_.store(3);
  EXPECT_TRUE(SleepOnWords(Words(), INT64_MAX));
}

TEST(FutexWordTest, OneWordNeedsNoNewKernel) {
  std::atomic<uint32_t> word{1};
  const int64_t deadline = MonotonicNow() + 2'000'000;
  while (SleepOnWord({&word, 1, false}, deadline)) {
  }
  EXPECT_GE(MonotonicNow(), deadline);
  EXPECT_TRUE(SleepOnWord({&word, 2, false}, INT64_MAX)) << "another value";
  for (const bool is_shared : {false, true}) {
    std::thread waker([&] {
      word.fetch_add(10);
      WakeSleeper(&word, is_shared);
    });
    while (word.load() == 1) EXPECT_TRUE(SleepOnWord({&word, 1, is_shared}, INT64_MAX));
    waker.join();
    word.store(1);
  }
}

TEST_F(FutexTest, EachWordWakes) {
  for (std::atomic<uint32_t>* word : {&one_, &two_}) {
    std::thread waker([&] {
      word->fetch_add(10);
      WakeSleeper(word, false);
    });
    while (word->load() < 10) EXPECT_TRUE(SleepOnWords(Words(), MonotonicNow() + kLongNs));
    waker.join();
    word->fetch_sub(10);
  }
}

TEST_F(FutexTest, ASignalIsNoDeadline) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ASSERT_EQ(::sigaction(SIGUSR1, &action, &before), 0);
  std::atomic<bool> woken{false};
  std::thread sleeper([&] { woken.store(SleepOnWords(Words(), MonotonicNow() + kLongNs)); });
  while (!woken.load()) ::pthread_kill(sleeper.native_handle(), SIGUSR1);
  sleeper.join();
  ::sigaction(SIGUSR1, &before, nullptr);
}

// As between processes: the waker writes, the sleeper can only read, elsewhere in its memory.
TEST_F(FutexTest, SleepsOnMemoryItCannotWrite) {
  const UniqueFd memory(::memfd_create("futex_test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(memory.get(), 4096), 0);
  void* writable = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory.get(), 0);
  void* readable = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, memory.get(), 0);
  ASSERT_NE(writable, MAP_FAILED);
  ASSERT_NE(readable, MAP_FAILED);
  auto& word = *static_cast<std::atomic<uint32_t>*>(writable);
  const auto& seen = *static_cast<const std::atomic<uint32_t>*>(readable);
  const pid_t child = ::fork();
  if (child == 0) {
    for (uint32_t n = 0; n < 1'000; ++n) {
      while (word.load() != n) ::sched_yield();
      word.store(n + 1);
      WakeSleeper(&word, true);
      while (word.load() == n + 1) ::sched_yield();
      if (word.load() != n + 1 + 1'000'000) ::_exit(1);
      word.store(n + 1);
    }
    ::_exit(0);
  }
  bool in_time = true;
  for (uint32_t n = 0; n < 1'000 && in_time; ++n) {
    while (seen.load() == n && in_time) {
      const FutexWord asleep{readable, n, true};
      in_time = SleepOnWords({&asleep, 1}, MonotonicNow() + kLongNs);
    }
    word.store(n + 1 + 1'000'000);
    while (seen.load() > 1'000'000) ::sched_yield();
  }
  EXPECT_TRUE(in_time);
  if (!in_time) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(ExitedWith(status, 0));
  ::munmap(writable, 4096);
  ::munmap(readable, 4096);
}

TEST(Futex, WakingNobodyIsHarmless) {
  std::atomic<uint32_t> word{0};
  WakeSleeper(&word, false);
  WakeSleeper(&word, true);
}

}  // namespace
}  // namespace holler
