// How a publisher of a reliable topic waits for its subscribers, and for which not.
#ifndef HOLLER_BACK_PRESSURE_H_
#define HOLLER_BACK_PRESSURE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "holler/futex.h"
#include "holler/slot_ring.h"

namespace holler {

// It sleeps on the cursors of those subscribers that lag, which it can only read, and on a word of
// its own for matches that end: steps B1 to B3 of docs/slot_ring.md. Whoever lags and does not move
// for `stall_limit` is dropped: not waited for until it takes again. Only time that the publisher
// watched counts, which may have been frozen, and the subscriber with it.
//
//   BackPressure pressure(ring, absl::Seconds(1));
//   while (pressure.Await(deadline) == BackPressure::kDropped) Tell(...);
//
// Thread safety: Await by the publishing thread; OnMatchEnded by any.
class BackPressure {
 public:
  enum Outcome {
    kRoom,     // For one more loan.
    kFull,     // The deadline came first, or the loans that are out leave no room.
    kDropped,  // Neither, but a subscriber was dropped: Reader::drops() tells which.
  };

  BackPressure(RingWriter& ring, absl::Duration stall_limit);

  // Waits for room until CLOCK_MONOTONIC shows `deadline` (ns; INT64_MAX: for ever; 0: only looks).
  Outcome Await(int64_t deadline) noexcept;

  // A subscriber left the ring's table: to be called before its page is unmapped.
  void OnMatchEnded() noexcept;

 private:
  // Looks at the cursors before it sleeps: for about as long as a sleep and a wake-up take.
  static constexpr int kMostSpins = 256;
  static constexpr int kFewestSpins = 4;

  // Who is waited for, as a list of words to sleep on.
  struct Laggards {
    std::array<FutexWord, kMostFutexWords> words;
    size_t count = 0;               // Of words.
    bool any_dropped = false;       // Just now.
    int64_t next_look = INT64_MAX;  // When to look at them again, though none goes on.
  };

  bool Spin() noexcept;
  void Look(int64_t now, Laggards& laggards) noexcept;
  // Notes that a subscriber lags, with its cursor there. Returns whether it did for `stall_limit_`.
  bool HasStalled(Reader& reader, uint64_t cursor, int64_t now) const noexcept;

  RingWriter& ring_;
  const int64_t stall_limit_;      // ns.
  const int64_t slice_;            // The most that counts between two looks, ns.
  int spins_ = kMostSpins;         // Looks before it sleeps.
  std::atomic<uint32_t> news_{0};  // Counts calls of OnMatchEnded.
};

}  // namespace holler

#endif  // HOLLER_BACK_PRESSURE_H_
