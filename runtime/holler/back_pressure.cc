#include "holler/back_pressure.h"

#include <algorithm>
#include <utility>

#include "holler/clock.h"
#include "holler/relax_cpu.h"

namespace holler {
namespace {

// Where the kernel has no futex_waitv, one cursor is slept on, for so long at most.
constexpr int64_t kNap = 10 * kMillisecond;

bool Sleep(std::span<const FutexWord> words, int64_t deadline) noexcept {
  if (CanSleepOnWords()) return SleepOnWords(words, deadline);
  const int64_t nap_end = MonotonicNow() + kNap;
  return SleepOnWord(words.back(), std::min(deadline, nap_end)) || nap_end < deadline;
}

}  // namespace

BackPressure::BackPressure(RingWriter& ring, absl::Duration stall_limit)
    : ring_(ring),
      stall_limit_(absl::ToInt64Nanoseconds(std::max(stall_limit, absl::ZeroDuration()))),
      slice_(stall_limit_ / 4 + 1) {}

BackPressure::Outcome BackPressure::Await(int64_t deadline) noexcept {
  // Nobody but the user can make room then.
  if (ring_.loans() >= ring_.layout().depth) return kFull;
  if (deadline > 0 && Spin()) return kRoom;
  Outcome outcome = kRoom;
  bool waiting = false;
  while (!ring_.HasRoom()) {
    const uint32_t news = news_.load();  // Before the look at the table it tells of.
    int64_t now = MonotonicNow();
    if (now < deadline) {
      ring_.SetWaiting(ring_.needed_cursor());  // B1
      waiting = true;
    }
    Laggards laggards;
    laggards.words[laggards.count++] = {.address = &news_, .expected = news, .is_shared = false};
    Look(now, laggards);  // B2
    if (laggards.any_dropped) {
      outcome = kDropped;
      break;
    }
    if (now >= deadline) {
      outcome = ring_.HasRoom() ? kRoom : kFull;
      break;
    }
    if (laggards.count == 1) continue;  // They have moved on meanwhile.
    // B3. A page that is unmapped meanwhile makes it return at once: look again.
    Sleep({laggards.words.data(), laggards.count}, std::min(deadline, laggards.next_look));
  }
  if (waiting) ring_.SetWaiting(0);
  return outcome;
}

// A subscriber that is at it makes room within a microsecond. Where that hope fails, it is given up
// sooner the next time. Returns whether there is room.
bool BackPressure::Spin() noexcept {
  for (int i = 0; i < spins_; ++i) {
    if (ring_.HasRoom()) {
      spins_ = std::min(2 * spins_, kMostSpins);
      return true;
    }
    RelaxCpu();
  }
  spins_ = std::max(spins_ / 2, kFewestSpins);
  return false;
}

void BackPressure::Look(int64_t now, Laggards& laggards) noexcept {
  const uint64_t needed = ring_.needed_cursor();
  ring_.ForEachReliable([&](Reader& reader, uint64_t cursor) {
    if (std::max(cursor, reader.start) >= needed) return;
    if (HasStalled(reader, cursor, now)) {
      reader.is_dropped = true;
      reader.stuck_at = cursor;
      reader.watched_at = 0;
      reader.CountDrop();
      ring_.tally().dropped.Add();
      laggards.any_dropped = true;
      return;
    }
    const int64_t left = stall_limit_ - reader.stuck_for;
    laggards.next_look = std::min(laggards.next_look, now + std::min(left, slice_));
    // Those that do not fit are looked at when these have moved on, for all of them must.
    if (laggards.count == laggards.words.size()) return;
    laggards.words[laggards.count++] = {.address = &reader.page->cursor,
                                        .expected = static_cast<uint32_t>(cursor),
                                        .is_shared = true};
  });
}

bool BackPressure::HasStalled(Reader& reader, uint64_t cursor, int64_t now) const noexcept {
  // Only a cursor that goes on counts, not one that goes back and forth.
  if (reader.watched_at == 0 || cursor > reader.stuck_at) {
    reader.stuck_at = cursor;
    reader.stuck_for = 0;
    reader.watched_at = now;
    reader.is_spared = false;
  }
  const int64_t gap = now - std::exchange(reader.watched_at, now);
  reader.stuck_for += std::min(gap, slice_);
  if (reader.stuck_for < stall_limit_) return false;
  // Both may have been frozen just now, and this publisher may run first. Once, or one that looks
  // but rarely would never drop anybody.
  if (gap <= 2 * slice_ || reader.is_spared) return true;
  reader.is_spared = true;
  reader.stuck_for = stall_limit_ - std::min(stall_limit_, slice_);
  return false;
}

void BackPressure::OnMatchEnded() noexcept {
  news_.fetch_add(1);
  WakeSleeper(&news_, /*is_shared=*/false);
}

}  // namespace holler
