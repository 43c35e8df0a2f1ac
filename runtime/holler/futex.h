// Sleeping on words of memory that others write: futex(2), and futex_waitv(2) for several at once.
#ifndef HOLLER_FUTEX_H_
#define HOLLER_FUTEX_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace holler {

// A word to sleep on: 4 bytes, aligned. It may lie in memory this process can only read.
struct FutexWord {
  const void* address;
  uint32_t expected;  // Sleep only as long as it has this value.
  bool is_shared;     // With other processes.
};

// Words one thread can sleep on at once (FUTEX_WAITV_MAX).
inline constexpr size_t kMostFutexWords = 128;
// So many need little of the stack, which is out of cache after a sleep.
inline constexpr size_t kFewFutexWords = 3;

// Whether this kernel, and the sandbox if there is one, have futex_waitv (Linux 5.16). Costs
// nothing after the first call.
bool CanSleepOnWords() noexcept;

// Sleeps until one of `words` is woken or has another value, or CLOCK_MONOTONIC shows `deadline`
// (ns; INT64_MAX: never). Returns whether there was a reason other than the deadline; it may be
// none at all. Needs CanSleepOnWords, and at most kMostFutexWords. The kernel goes through the
// words in their order: to each it first adds the sleeper, then compares.
bool SleepOnWords(std::span<const FutexWord> words, int64_t deadline) noexcept;

// The same for one word, on any kernel.
bool SleepOnWord(const FutexWord& word, int64_t deadline) noexcept;

// Wakes one thread that sleeps on the word at `address`. Never blocks, and costs the same however
// many sleep there.
void WakeSleeper(const void* address, bool is_shared) noexcept;

}  // namespace holler

#endif  // HOLLER_FUTEX_H_
