#include "holler/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>

namespace holler {
namespace {

// A publisher's head is 8 bytes; sleepers wait for the lower 4 to change, which come first.
static_assert(std::endian::native == std::endian::little);

// As in linux/futex.h since Linux 5.16; the headers may be older than the kernel.
constexpr long kSysFutexWaitv = 449;  // The same on all architectures Holler runs on.
constexpr uint32_t kFutex32 = 2;
struct Waiter {
  uint64_t expected;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
struct Timespec {  // The kernel's struct __kernel_timespec: 64-bit members everywhere.
  int64_t seconds;
  int64_t nanoseconds;
};
constexpr int64_t kSecond = 1'000'000'000;

uint64_t AddressOf(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

// `kMost`: as many words as there may be. Not inline, or all sizes would be on one stack.
template <size_t kMost>
[[gnu::noinline]] bool SleepOnSome(std::span<const FutexWord> words, int64_t deadline) noexcept {
  std::array<Waiter, kMost> waiters;
  size_t count = 0;
  for (const FutexWord& word : words) {
    waiters[count++] = {.expected = word.expected,
                        .address = AddressOf(word.address),
                        .flags = kFutex32 | (word.is_shared ? 0u : uint32_t{FUTEX_PRIVATE_FLAG}),
                        .reserved = 0};
  }
  const Timespec until{.seconds = deadline / kSecond, .nanoseconds = deadline % kSecond};
  const long woken = ::syscall(kSysFutexWaitv, waiters.data(), count, 0,
                               deadline == INT64_MAX ? nullptr : &until, CLOCK_MONOTONIC);
  // EAGAIN: a word has changed already. EINTR: a signal; the caller looks for itself.
  return woken >= 0 || errno != ETIMEDOUT;
}

}  // namespace

bool CanSleepOnWords() noexcept {
  // No waiters is an error of another kind than no such call. EPERM: what sandboxes say that do not
  // know a call.
  static const bool can = ::syscall(kSysFutexWaitv, nullptr, 0, 0, nullptr, 0) == -1 &&
                          errno != ENOSYS && errno != EPERM;
  return can;
}

bool SleepOnWords(std::span<const FutexWord> words, int64_t deadline) noexcept {
  return words.size() <= kFewFutexWords ? SleepOnSome<kFewFutexWords>(words, deadline)
                                        : SleepOnSome<kMostFutexWords>(words, deadline);
}

bool SleepOnWord(const FutexWord& word, int64_t deadline) noexcept {
  // In the kernel's own width, which is that of long where it has only one call for this.
  const timespec until{.tv_sec = static_cast<time_t>(deadline / kSecond),
                       .tv_nsec = static_cast<long>(deadline % kSecond)};
  // Unlike FUTEX_WAIT, its deadline is a time on CLOCK_MONOTONIC, not a length.
  const int operation = FUTEX_WAIT_BITSET | (word.is_shared ? 0 : FUTEX_PRIVATE_FLAG);
  const long woken =
      ::syscall(SYS_futex, word.address, operation, word.expected,
                deadline == INT64_MAX ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return woken >= 0 || errno != ETIMEDOUT;
}

void WakeSleeper(const void* address, bool is_shared) noexcept {
  ::syscall(SYS_futex, address, is_shared ? FUTEX_WAKE : FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr,
            0);
}

}  // namespace holler
