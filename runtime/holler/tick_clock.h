// CLOCK_MONOTONIC for those who ask for it all the time.
#ifndef HOLLER_TICK_CLOCK_H_
#define HOLLER_TICK_CLOCK_H_

#include <algorithm>
#include <cstdint>

#include "holler/clock.h"

namespace holler {

// The counter that the CPU counts its time with, as far as it can be trusted.
struct CpuTicks {
  // Whether there is one by which the kernel keeps CLOCK_MONOTONIC itself. Asked once in a process.
  static bool Exist();
  static uint64_t Now() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
  }
  static int64_t Monotonic() noexcept { return MonotonicNow(); }
};

// Asks the kernel's clock, which takes some 25 ns, and for the next 20 us counts on from there by
// the CPU's ticks, which take 10. So a time is right to some 10 ns; and if the ticks jump, or go on
// at twice or half their rate (a virtual machine that moved), it is wrong by 20 us at most, until
// that is noticed. Who asks rarely gets the kernel's time.
//
//   TickClock<CpuTicks> clock(CpuTicks::Exist());
//   const int64_t now = clock.Now();
//
// Thread safety: one thread at a time. What it returns never decreases.
template <typename Ticks>
class TickClock {
 public:
  // Without ticks, each time is the kernel's.
  explicit TickClock(bool has_ticks) : has_ticks_(has_ticks) {}

  // Nanoseconds of CLOCK_MONOTONIC.
  int64_t Now() noexcept {
    if (!has_ticks_) return Ticks::Monotonic();
    const uint64_t ticks = Ticks::Now();
    const uint64_t since = ticks - base_ticks_;
    if (since >= window_) [[unlikely]]
      return Ask(ticks, since);
    // What was counted on from the look before may be a little ahead.
    return last_ = std::max(last_, base_ + static_cast<int64_t>(since * rate_ >> kRateBits));
  }

 private:
  static constexpr int kRateBits = 32;
  // As long as ticks are counted on, ns.
  static constexpr int64_t kWindow = 20'000;
  // Who asks at least so often, in ticks, counts on; for others that would be no gain.
  static constexpr uint64_t kOften = 200'000;
  // A look at both clocks that took more ticks was interrupted, and says nothing.
  static constexpr uint64_t kAtOnce = 2'000;
  // The rate is measured over so long, ns: a look is good to some 20 ns.
  static constexpr int64_t kShortest = 1'000'000;
  static constexpr int64_t kLongest = 1'000'000'000;
  static constexpr uint64_t kMostTicks = uint64_t{16} * kLongest;

  [[gnu::noinline]] int64_t Ask(uint64_t ticks, uint64_t since) noexcept {
    base_ = Ticks::Monotonic();
    last_ = std::max(last_, base_);
    base_ticks_ = ticks;
    window_ = 0;
    if (since >= kOften) return last_;
    const uint64_t after = Ticks::Now();
    if (after - ticks > kAtOnce) return last_;
    Measure(after, base_);
    if (rate_ == 0) return last_;
    base_ticks_ = after;
    window_ = (static_cast<uint64_t>(kWindow) << kRateBits) / rate_;
    return last_;
  }

  // The rate since the look before. It counts if it was the same until then: else the machine
  // slept, say, and one of the two clocks with it.
  void Measure(uint64_t ticks, int64_t now) noexcept {
    const int64_t time = now - first_;
    if (time < kShortest) return;
    const uint64_t between = ticks - first_ticks_;
    first_ = now;
    first_ticks_ = ticks;
    const bool is_sane = time < kLongest && between < kMostTicks;
    const uint64_t rate = is_sane ? (static_cast<uint64_t>(time) << kRateBits) / (between + 1) : 0;
    const uint64_t off = rate / 64;
    rate_ = rate > measured_ - off && rate < measured_ + off ? rate : 0;
    measured_ = rate;
  }

  const bool has_ticks_;
  uint64_t base_ticks_ = 0;  // The last look at the kernel's clock, by the ticks,
  int64_t base_ = 0;         // and what that said.
  uint64_t window_ = 0;    // For so many ticks from there on they are counted by; 0: they are not.
  int64_t last_ = 0;       // What was returned last.
  uint64_t rate_ = 0;      // ns for a tick, times 2^32; 0: not known yet.
  uint64_t measured_ = 0;  // What was measured last.
  int64_t first_ = 0;      // The look that the rate is measured from.
  uint64_t first_ticks_ = 0;
};

}  // namespace holler

#endif  // HOLLER_TICK_CLOCK_H_
