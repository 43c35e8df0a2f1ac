// The shared memory of one topic: its layout, the steps by which one publisher and many subscribers
// use it, and every memory ordering of the data path (but for counters, all relaxed: counters.h).
//
//   segment (memfd of the publisher; only the publisher can write it)
//   +---------------+--------+-------------+----------------+----------------------------------+
//   | SegmentHeader | schema | head        | ring[depth]    | slot 0 | slot 1 | ... | slot N-1 |
//   | immutable but | .bfbs  | a line      | slot numbers   | SlotHeader, payload              |
//   | for its last  |        |             |                |                                  |
//   | two lines:    |        |             |                |                                  |
//   | waiting,      |        |             |                |                                  |
//   | tally         |        |             |                |                                  |
//   +---------------+--------+-------------+----------------+----------------------------------+
//
//   subscriber page (memfd of the subscriber, one for each publisher it is matched with; only the
//   subscriber can write it)
//   +----------------+------------+--------------+-------+
//   | immutable line | armed word | cursor, pins | tally |
//   +----------------+------------+--------------+-------+
//
// The life of a slot. Each arrow is made by the publisher alone; a subscriber only ever pins.
//
//            loan               P1 P2 P3              R1                R2: nobody's pin
//   [free] --------> [loaned] ------------> [in ring] ---> [retired] -------------------> [free]
//      ^                |
//      +----------------+  loan given back unpublished
//
// Steps, as docs/slot_ring.md argues them (n: sequence number, s: slot):
//
//   publish sample n, held in slot s            take sample n
//    P0 hinted slot, if not s: gone to n         T0 an own pin is 0            acquire
//    P1 slot[s].sequence = n     release         T1 h = head, n <= h           acquire
//    P2 ring[n % depth]  = s     release            or hinted slot: holds n    acquire
//    P3 head             = n     seq_cst         T2 s = ring[n % depth]        acquire
//    P4 read armed words         seq_cst         T3 pin = s + 1                seq_cst
//   reclaim                                      T4 slot[s].sequence == n ?    seq_cst
//    R1 slot[s]: gone up to n    seq_cst         T5 read the payload
//    R2 read every pin once      seq_cst         T6 pin = 0                    release
//   subscribers come and go (discovery)         sleep
//    J1 table entry = reader     seq_cst         S1 armed = known              seq_cst
//    J2 table entry = none       seq_cst         S2 head moved ?               seq_cst
//    J3 wait for a scan's end    acquire         S3 sleep until rung or woken
//   wait for room (reliable topics)             after each take (reliable topics)
//    B1 waiting = needed         seq_cst         C1 cursor = n                 seq_cst
//    B2 read every cursor        seq_cst         C2 waiting: was n needed ?    seq_cst
//    B3 sleep on the cursors that lag            C3 wake who sleeps on the cursor
//
// Dekker pairs (store, then load, on both sides, all four seq_cst): T3/T4 with R1/R2, S1/S2 with
// P3/P4, C1/C2 with B1/B2, J2/J3 with the bracket around P4, R2 and B2. No fences, so
// ThreadSanitizer follows it all. No function here makes a system call or allocates, but for the
// constructors and for waking, which is the caller's.
#ifndef HOLLER_SLOT_RING_H_
#define HOLLER_SLOT_RING_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "holler/counters.h"
#include "holler/join.h"
#include "holler/layout.h"

namespace holler {

// What precedes the payload in every slot. 24 bytes: a short payload shares its cache line.
// Written by the publisher alone. `publish_time` is atomic because a subscriber may look at it
// before it holds the slot (RingReader::PeekPublishTime); `size` and `next_slot`, so that a
// lying publisher cannot change them between a check and a use.
struct SlotHeader {
  std::atomic<uint64_t> sequence;     // The sample it holds, or GoneUpTo. Steps P0, P1, R1, T4.
  std::atomic<int64_t> publish_time;  // CLOCK_MONOTONIC, ns.
  std::atomic<uint32_t> size;         // Bytes of the payload in use.
  std::atomic<uint32_t> next_slot;    // Hint: where the successor will most likely be.
};
static_assert(sizeof(SlotHeader) == kSlotHeaderBytes);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// The memory of one subscriber towards one publisher, which reads the armed word with each sample,
// pins and cursor now and then. The subscriber writes pins and cursor with each sample it takes,
// the armed word when it goes to sleep: so these are on lines of their own, and while both are
// awake neither takes a line from the other.
struct SubscriberPage {
  uint64_t magic;
  uint32_t abi_version;
  uint32_t max_samples;  // Pins in use; the publisher reads as many as its own layout says.
  uint32_t start_at;     // A StartAt.
  uint32_t best_effort;  // Not 0: holds nobody up, on reliable topics either.
  alignas(kCacheLine) std::atomic<uint32_t> armed;   // 0: awake. Else an ArmedWord.
  alignas(kCacheLine) std::atomic<uint64_t> cursor;  // The newest taken, lost or skipped: C1.
  std::atomic<uint32_t> pins[kMaxSamplesLimit];      // Slot number + 1; 0: nothing held.
  SubscriberTally tally;                             // On lines of its own.

  // The cursor, for whoever only wants to know.
  uint64_t position() const noexcept { return cursor.load(std::memory_order_relaxed); }
};
static_assert(offsetof(SubscriberPage, armed) == kCacheLine);
static_assert(offsetof(SubscriberPage, cursor) == 2 * kCacheLine);
static_assert(offsetof(SubscriberPage, pins) == 2 * kCacheLine + 8);
static_assert(sizeof(SubscriberPage) <= kPageBytes);

// So many samples of a batch are written at most before they are announced; and no more than half a
// ring, or one.
inline constexpr uint32_t kMostUnannounced = 64;

// What the sequence of a slot says that holds no sample: none up to n is there, or will be. So who
// waits for one at the slot that a hint named learns there if it went elsewhere, or is over.
inline constexpr uint64_t kGone = uint64_t{1} << 63;
constexpr uint64_t GoneUpTo(uint64_t n) noexcept { return kGone | n; }
// Whether a slot that says so may still come to hold sample n.
constexpr bool IsYetToCome(uint64_t sequence, uint64_t n) noexcept {
  return (sequence & ~kGone) < n;
}

inline constexpr uint32_t kNoSlot = UINT32_MAX;
// The cursor of a subscriber that takes no more, but may hold samples: it holds nobody up.
inline constexpr uint64_t kTakesNoMore = UINT64_MAX;

// How a sleeping subscriber wants to be woken.
enum class WakeBy : uint32_t {
  kFutex = 0,  // It sleeps on its armed word (futex.h).
  kBell = 1,   // It waits for its bell (doorbell.h).
};

// What a sleeper puts into its armed word: how to wake it, and the newest sample it knows of. A
// publisher wakes it for a later one only, and once: a wake-up for a sample it knows could come
// before it lies down on the futex, which forgets it, and count as the one for this sleep.
constexpr uint32_t ArmedWord(uint64_t known, WakeBy how) noexcept {
  return static_cast<uint32_t>(known) << 2 | static_cast<uint32_t>(how) << 1 | 1;
}
constexpr WakeBy HowToWake(uint32_t armed) noexcept { return static_cast<WakeBy>(armed >> 1 & 1); }
constexpr bool IsKnown(uint32_t armed, uint64_t n) noexcept {
  return armed >> 2 == static_cast<uint32_t>(n) << 2 >> 2;
}

// A flag that discovery raises for a thread on the data path, which looks at it for the price of a
// load. What was written before Raise is visible to whoever sees it raised.
class Flag {
 public:
  void Raise() noexcept { raised_.store(true, std::memory_order_release); }
  // By the side that looks, with the lock that guards what the flag announces.
  void Lower() noexcept { raised_.store(false, std::memory_order_relaxed); }
  bool raised() const noexcept { return raised_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> raised_{false};
};

// A publisher's view of one matched subscriber. Lives from J1 until after J3.
struct Reader {
  const SubscriberPage* page = nullptr;
  int doorbell = -1;       // What rings it; owned by whoever made the Reader.
  uint32_t last_rung = 0;  // Armed word that was answered already; the publishing thread's own.

  // On reliable topics: what it has not taken is not overwritten. Set before J1.
  bool is_reliable = false;
  // Nothing up to here is kept for it, whatever its cursor says: no later than where it starts. Set
  // before J1; the publishing thread's own from then on, as the rest is.
  uint64_t start = 0;
  // It has stalled, and nobody waits for it until its cursor moves on.
  bool is_dropped = false;
  // The furthest its cursor was seen while it lagged, for how long it was watched there (ns), and
  // when last (CLOCK_MONOTONIC; 0: never). BackPressure's.
  uint64_t stuck_at = 0;
  int64_t stuck_for = 0;
  int64_t watched_at = 0;
  bool is_spared = false;  // It would have been dropped, but for a gap before the last look.

  // How often it was dropped. CountDrop by the publishing thread, drops by any.
  void CountDrop() noexcept { drops_.store(drops() + 1, std::memory_order_relaxed); }
  uint32_t drops() const noexcept { return drops_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint32_t> drops_{0};
};

// The subscribers a publisher's scans look at.
//
// Thread safety: Enter and Remove by one thread at a time (discovery holds its lock); ForEach by
// the publishing thread, inside a bracket (see RingWriter). count() by anyone.
class ReaderTable {
 public:
  explicit ReaderTable(uint32_t capacity)
      : capacity_(capacity), entries_(std::make_unique<std::atomic<Reader*>[]>(capacity)) {}

  // Makes `reader` visible to all later scans. False: the table is full.
  bool Enter(Reader* reader) noexcept {
    for (uint32_t i = 0; i < capacity_; ++i) {
      if (entries_[i].load(std::memory_order_relaxed) != nullptr) continue;
      entries_[i].store(reader, std::memory_order_seq_cst);  // J1, before the start is confirmed
      if (i >= used_.load(std::memory_order_relaxed)) {
        used_.store(i + 1, std::memory_order_seq_cst);  // J1, likewise
      }
      count_.fetch_add(1, std::memory_order_release);
      return true;
    }
    return false;
  }

  // Hides `reader` from all later scans; RingWriter::AwaitScan must follow before it is freed.
  void Remove(const Reader* reader) noexcept {
    for (uint32_t i = 0; i < capacity_; ++i) {
      if (entries_[i].load(std::memory_order_relaxed) != reader) continue;
      // First: who finds room because this one is gone must not count it any more.
      count_.fetch_sub(1, std::memory_order_release);
      entries_[i].store(nullptr, std::memory_order_seq_cst);  // J2, partner: ForEach
      return;
    }
  }

  template <typename Visit>
  void ForEach(Visit&& visit) const noexcept {
    const uint32_t used = used_.load(std::memory_order_seq_cst);  // partner J1
    for (uint32_t i = 0; i < used; ++i) {
      if (Reader* reader = entries_[i].load(std::memory_order_seq_cst)) visit(*reader);  // J1, J2
    }
  }

  // Number of matched subscribers.
  uint32_t count() const noexcept { return count_.load(std::memory_order_acquire); }
  uint32_t capacity() const noexcept { return capacity_; }

 private:
  const uint32_t capacity_;
  std::atomic<uint32_t> used_{0};  // Entries that were ever in use: the scans end there.
  std::atomic<uint32_t> count_{0};
  std::unique_ptr<std::atomic<Reader*>[]> entries_;
};

// Where the parts of a segment are. `Byte` is std::byte for the publisher, const std::byte for
// subscribers. The layout is a private copy that was checked: nothing here reads it from memory
// that a peer can write.
template <typename Byte>
class SegmentView {
 public:
  SegmentView(Byte* base, const SegmentLayout& layout) : base_(base), layout_(layout) {}

  template <typename T>
  using Like = std::conditional_t<std::is_const_v<Byte>, const T, T>;

  const SegmentLayout& layout() const noexcept { return layout_; }
  Like<std::atomic<uint64_t>>& head() const noexcept {
    return *reinterpret_cast<Like<std::atomic<uint64_t>>*>(base_ + layout_.head_offset);
  }
  // The cursor a publisher waits for; 0: it does not wait.
  Like<std::atomic<uint64_t>>& waiting() const noexcept {
    return *reinterpret_cast<Like<std::atomic<uint64_t>>*>(base_ + kWaitingOffset);
  }
  // What the publisher counts.
  Like<PublisherTally>& tally() const noexcept {
    return *reinterpret_cast<Like<PublisherTally>*>(base_ + kTallyOffset);
  }
  PublisherCounters counters() const noexcept {
    return tally().Read(head().load(std::memory_order_acquire));  // partner P3
  }
  Like<std::atomic<uint32_t>>& ring(uint64_t index) const noexcept {
    return reinterpret_cast<Like<std::atomic<uint32_t>>*>(base_ + layout_.ring_offset)[index];
  }
  Like<SlotHeader>& slot(uint32_t index) const noexcept {
    return *reinterpret_cast<Like<SlotHeader>*>(SlotStart(index));
  }
  Byte* payload(uint32_t index) const noexcept { return SlotStart(index) + layout_.payload_offset; }

 private:
  Byte* SlotStart(uint32_t index) const noexcept {
    return base_ + layout_.slots_offset + uint64_t{index} * layout_.slot_stride;
  }

  Byte* base_;
  SegmentLayout layout_;
};

// The publisher's side of the ring: hands out slots, publishes them, takes them back.
//
//   RingWriter ring(memory, layout);
//   uint32_t slot = ring.Acquire();                       // kNoSlot: all loans are out
//   std::memcpy(ring.payload(slot), &message, size);
//   ring.Publish(slot, size, now, waker);                 // see Publish
//
// Thread safety: one thread at a time; readers() as ReaderTable says; AwaitScan by any thread.
// Wait-free: no loop depends on what a subscriber does.
class RingWriter {
 public:
  // `memory` holds a segment of `layout` whose head, ring and slots are zero.
  RingWriter(std::byte* memory, const SegmentLayout& layout)
      : view_(memory, layout),
        readers_(layout.max_subscribers),
        scan_batch_(BatchOf(layout)),
        position_(1 % layout.depth),
        in_ring_(std::make_unique<uint32_t[]>(layout.depth)),
        free_(std::make_unique<uint32_t[]>(layout.slot_count)),
        retired_(std::make_unique<uint32_t[]>(layout.slot_count)),
        pinned_in_scan_(std::make_unique<uint64_t[]>(layout.slot_count)) {
    std::fill_n(in_ring_.get(), layout.depth, kNoSlot);
  }

  RingWriter(const RingWriter&) = delete;
  RingWriter& operator=(const RingWriter&) = delete;

  // A slot to fill, or kNoSlot when max_loans are out already.
  uint32_t Acquire() noexcept {
    if (loans_ == view_.layout().max_loans) return kNoSlot;
    const uint32_t slot = next_ != kNoSlot ? next_ : PopFree();
    if (slot == kNoSlot) return kNoSlot;  // Cannot be: slot_count leaves room for every loan.
    ++loans_;
    // Of large ones, none is put aside that may never have been used.
    next_ = scan_batch_ > 1 ? PopFree() : kNoSlot;
    return slot;
  }

  // For reliable topics: whether the next slot acquired can be published without overwriting what a
  // reliable subscriber has not taken. Looks at their cursors once in `depth` samples at most, as
  // long as they keep up. docs/slot_ring.md argues why those that join meanwhile miss nothing.
  bool HasRoom() noexcept {
    if (sequence_ + loans_ < limit_) return true;
    // Not by what was put and not announced: who joins now is owed it.
    uint64_t slowest = announced_;
    ForEachReliable([&](const Reader& reader, uint64_t cursor) {
      slowest = std::min(slowest, std::max(cursor, reader.start));
    });
    limit_ = slowest + view_.layout().depth;
    return sequence_ + loans_ < limit_;
  }
  // While there is no room: the cursor that each reliable subscriber must reach.
  uint64_t needed_cursor() const noexcept { return sequence_ + loans_ + 1 - view_.layout().depth; }
  // B1. Who reaches `needed` from now on wakes whoever sleeps on its cursor. 0: nobody is to.
  void SetWaiting(uint64_t needed) noexcept {
    view_.waiting().store(needed, std::memory_order_seq_cst);  // B1, partner C2
  }
  // B2. Calls `visit(Reader&, uint64_t cursor)` for each subscriber that is waited for.
  template <typename Visit>
  void ForEachReliable(Visit&& visit) noexcept {
    OpenBracket(std::memory_order_seq_cst);  // partner J2/J3
    readers_.ForEach([&](Reader& reader) {
      if (!reader.is_reliable) return;
      const uint64_t cursor = reader.page->cursor.load(std::memory_order_seq_cst);  // B2, C1
      if (reader.is_dropped) {
        if (cursor <= reader.stuck_at) return;
        reader.is_dropped = false;  // It takes again; what it missed meanwhile, it counts as lost.
        reader.start = announced_;
      }
      visit(reader, cursor);
    });
    CloseBracket();
  }

  // Takes back a slot that was acquired and not published.
  void Return(uint32_t slot) noexcept {
    --loans_;
    free_[free_count_++] = slot;
  }

  // Publishes `size` bytes in `slot` and returns the sample's sequence number. Calls
  // `waker.Wake(const Reader&, WakeBy)` for each subscriber that sleeps, once for each sleep; if it
  // returns false, which is for want of memory, again with the next sample.
  template <typename Waker>
  uint64_t Publish(uint32_t slot, uint32_t size, int64_t now, Waker&& waker) noexcept {
    Write(slot, size, now);
    Announce(std::forward<Waker>(waker));
    Evict(slot);
    return sequence_;
  }

  // The same in two steps, for many at once: Put each, then Announce all. Between them a subscriber
  // that keeps up may take them, but nobody is woken. On reliable topics, HasRoom before each.
  void Put(uint32_t slot, uint32_t size, int64_t now) noexcept {
    Write(slot, size, now);
    Evict(slot);
  }
  // Whether there is anything to announce.
  uint64_t unannounced() const noexcept { return sequence_ - announced_; }

  template <typename Waker>
  void Announce(Waker&& waker) noexcept {
    const uint64_t n = announced_ = sequence_;
    OpenBracket(std::memory_order_release);            // partner J3
    view_.head().store(n, std::memory_order_seq_cst);  // P3, partners T1, S2
    readers_.ForEach([&](Reader& reader) {
      const uint32_t armed = reader.page->armed.load(std::memory_order_seq_cst);  // P4, partner S1
      if (armed == reader.last_rung) return;
      if (armed != 0 && IsKnown(armed, n)) return;
      // 0 is noted as well: the same word may come again, after 2^30 samples.
      if (armed == 0) {
        reader.last_rung = armed;
      } else if (waker.Wake(std::as_const(reader), HowToWake(armed))) {
        reader.last_rung = armed;
        view_.tally().wakeups.Add();
      }
    });
    CloseBracket();
  }

  std::byte* payload(uint32_t slot) const noexcept { return view_.payload(slot); }
  const SegmentLayout& layout() const noexcept { return view_.layout(); }
  ReaderTable& readers() noexcept { return readers_; }
  const ReaderTable& readers() const noexcept { return readers_; }
  uint32_t loans() const noexcept { return loans_; }
  // For the publishing thread to count in.
  PublisherTally& tally() noexcept { return view_.tally(); }
  PublisherCounters counters() const noexcept { return view_.counters(); }

  // The newest published sequence number; for any thread. With seq_cst, so that a subscriber
  // entered (J1) before this call misses nothing after what it returns.
  uint64_t head() const noexcept { return view_.head().load(std::memory_order_seq_cst); }

  // J3: returns when no scan that may still see a removed reader is running. Publishing goes on
  // meanwhile. `pause` is called while waiting. A scan opens its bracket before P3 (or before a
  // seq_cst store of its own, in Scan), so: whoever read the table before J2 also published
  // before J2, `head` shows it, and with it the open bracket.
  template <typename Pause>
  void AwaitScan(Pause&& pause) const noexcept {
    (void)head();  // seq_cst load after J2, partner P3
    const uint64_t seen = bracket_.load(std::memory_order_seq_cst);
    if (seen % 2 == 0) return;
    while (bracket_.load(std::memory_order_acquire) == seen) pause();
  }

 private:
  // Retired slots are looked through when about 16 KiB of them have come together, or half a ring
  // up to 256 KiB: rarely enough for most samples that the scan costs little, for it takes a line
  // from a subscriber that is just about to use it; at once for large ones, whose memory is dear.
  static constexpr uint32_t kBatchBytes = 16 * 1024;
  static constexpr uint32_t kBatchMostBytes = 256 * 1024;
  static constexpr uint32_t kBatchMost = 16;
  static uint32_t BatchOf(const SegmentLayout& layout) noexcept {
    const uint32_t wanted = std::max(kBatchBytes / layout.slot_stride, layout.depth / 2);
    return std::clamp<uint32_t>(std::min(wanted, kBatchMostBytes / layout.slot_stride), 1,
                                kBatchMost);
  }

  void Write(uint32_t slot, uint32_t size, int64_t now) noexcept {
    const uint64_t n = ++sequence_;
    if (hinted_ != slot && hinted_ != kNoSlot) {  // P0, partner T1
      view_.slot(hinted_).sequence.store(GoneUpTo(n), std::memory_order_release);
    }
    // Where none was put aside, the slot that leaves the ring now will be free by then.
    hinted_ = scan_batch_ > 1 ? next_ : in_ring_[position_];
    SlotHeader& header = view_.slot(slot);
    header.publish_time.store(now, std::memory_order_release);     // partner: PeekPublishTime
    header.size.store(size, std::memory_order_relaxed);            // ordered by P1
    header.next_slot.store(hinted_, std::memory_order_relaxed);    // ordered by P1
    header.sequence.store(n, std::memory_order_release);           // P1, partners T1, T4
    view_.ring(position_).store(slot, std::memory_order_release);  // P2, partner T2
    --loans_;
  }

  // Puts the slot into the ring for the publisher's own use, in place of the one that leaves it.
  void Evict(uint32_t slot) noexcept {
    const uint32_t evicted = std::exchange(in_ring_[position_], slot);
    if (++position_ == view_.layout().depth) position_ = 0;
    if (evicted == kNoSlot) return;
    // Whoever looks now finds it gone. R1 says so once more, in the order it takes; by then the
    // line is this CPU's again, for which a locked instruction would have to wait here.
    view_.slot(evicted).sequence.store(GoneUpTo(sequence_ - view_.layout().depth),
                                       std::memory_order_relaxed);
    retired_[retired_count_++] = evicted;
  }

  void OpenBracket(std::memory_order order) noexcept { bracket_.store(++bracket_count_, order); }
  void CloseBracket() noexcept { bracket_.store(++bracket_count_, std::memory_order_release); }

  // The most recently freed slot, for its memory is warm; then a scan; then a slot never used,
  // which costs fresh memory.
  uint32_t PopFree() noexcept {
    const bool fresh = fresh_ < view_.layout().slot_count;
    if (free_count_ == 0 && (retired_count_ >= scan_batch_ || !fresh)) Scan();
    if (free_count_ > 0) return free_[--free_count_];
    return fresh ? fresh_++ : kNoSlot;
  }

  // R2: one snapshot of all pins, then every retired slot is held against it. Reading pins anew
  // for each slot would let one moving pin hide them all.
  void Scan() noexcept {
    ++scan_;
    for (uint32_t i = 0; i < retired_count_; ++i) {
      std::atomic<uint64_t>& sequence = view_.slot(retired_[i]).sequence;
      const uint64_t gone = sequence.load(std::memory_order_relaxed);  // As Evict left it.
      sequence.store(gone, std::memory_order_seq_cst);                 // R1, partner T4
    }
    OpenBracket(std::memory_order_seq_cst);  // partner J2/J3
    readers_.ForEach([&](Reader& reader) {
      for (uint32_t i = 0; i < view_.layout().max_samples; ++i) {
        const uint32_t pin = reader.page->pins[i].load(std::memory_order_seq_cst);  // R2: T3, T6
        if (pin != 0 && pin <= view_.layout().slot_count) pinned_in_scan_[pin - 1] = scan_;
      }
    });
    CloseBracket();
    uint32_t kept = 0;
    for (uint32_t i = 0; i < retired_count_; ++i) {
      const uint32_t slot = retired_[i];
      if (pinned_in_scan_[slot] == scan_) {
        retired_[kept++] = slot;
      } else {
        free_[free_count_++] = slot;
      }
    }
    retired_count_ = kept;
  }

  const SegmentView<std::byte> view_;
  ReaderTable readers_;
  const uint32_t scan_batch_;
  uint64_t sequence_ = 0;   // Of the newest sample,
  uint64_t announced_ = 0;  // and of the newest that was announced: head.
  uint64_t position_;       // (sequence_ + 1) % depth, kept by counting: no division.
  uint64_t limit_ = 0;      // Samples up to this one overwrite nothing that is still owed.
  uint32_t loans_ = 0;
  uint32_t next_ = kNoSlot;    // Chosen for the next loan.
  uint32_t hinted_ = kNoSlot;  // What the newest sample hints at: in no reader's way.
  uint32_t fresh_ = 0;         // Slots from here on were never used.
  uint32_t free_count_ = 0;
  uint32_t retired_count_ = 0;
  uint64_t scan_ = 0;
  uint64_t bracket_count_ = 0;
  std::unique_ptr<uint32_t[]> in_ring_;  // What the ring holds, in memory no peer sees.
  std::unique_ptr<uint32_t[]> free_;
  std::unique_ptr<uint32_t[]> retired_;
  std::unique_ptr<uint64_t[]> pinned_in_scan_;  // By slot: the last scan that saw it pinned.
  // Odd while the table and what hangs on it may be in use (P4, R2, B2).
  alignas(kCacheLine) std::atomic<uint64_t> bracket_{0};
};

// A sample a subscriber holds: valid until RingReader::Release of its pin.
struct HeldSample {
  uint64_t sequence = 0;
  int64_t publish_time = 0;
  const std::byte* payload = nullptr;
  uint32_t size = 0;  // At most the layout's payload_capacity.
  uint32_t pin = 0;
};

// A subscriber's side of one publisher's ring.
//
//   RingReader ring(memory, layout, page, join);          // the first sample: join.start + 1
//   if (std::optional<HeldSample> sample = ring.Take()) {
//     Use(sample->payload, sample->size);
//     ring.Release(sample->pin);
//   }
//
// Thread safety: one thread at a time; Release by any thread. Wait-free.
// Nothing the publisher wrote is believed: slot numbers and sizes are bounded here.
class RingReader {
 public:
  // C3: wakes who sleeps on the word at `cursor`.
  using WakePublisher = void (*)(const void* cursor) noexcept;

  // `wake` is for reliable topics; on others, nobody waits for a cursor.
  RingReader(const std::byte* memory, const SegmentLayout& layout, SubscriberPage* page,
             JoinPoint join, WakePublisher wake = nullptr)
      : view_(memory, layout),
        page_(page),
        wake_(wake),
        cursor_(join.start),
        owed_after_(join.head) {
    Report();
  }

  // The oldest sample not yet taken; what was overwritten before it is counted by lost().
  // Empty: nothing new, or max_samples are held (then at_limit()).
  std::optional<HeldSample> Take() noexcept {
    auto sample = TakeNext();
    if (!in_batch_ || cursor_ - reported_ >= kReportAtLeast) {
      Report();
    } else {
      ShowProgress();
    }
    return sample;
  }

  // Between these two, Take gives what there was at the start, and wakes a publisher now and then
  // only. What comes meanwhile is left alone: where the publisher writes, nobody should look.
  void StartBatch() noexcept {
    in_batch_ = true;
    known_ = view_.head().load(std::memory_order_acquire);  // T1, partner P3
  }
  void EndBatch() noexcept {
    in_batch_ = false;
    Report();
  }

  // The newest sample, if it was not taken yet. Those before it count as skipped(), not lost().
  std::optional<HeldSample> TakeLatest() noexcept {
    auto sample = TakeNewest();
    Report();
    return sample;
  }

  // Passes over everything published so far; it counts as skipped().
  void SkipAll() noexcept {
    const uint64_t head = view_.head().load(std::memory_order_acquire);  // T1, partner P3
    if (head <= cursor_) return;
    page_->tally.skipped.Add(head - cursor_);
    cursor_ = head;
    hint_ = kNoSlot;
    Report();
  }

  // T6. After it the publisher may overwrite the sample.
  void Release(uint32_t pin) noexcept { Unpin(page_, pin); }
  static void Unpin(SubscriberPage* page, uint32_t pin) noexcept {
    page->pins[pin].store(0, std::memory_order_release);  // T6, partners R2 and T0
  }

  // C1 to C3, once and for all: no publisher is to wait for this subscriber, but what it holds is
  // left alone. By any thread, when no more is taken.
  static void TakeNoMore(SubscriberPage* page, WakePublisher wake) noexcept {
    page->cursor.store(kTakesNoMore, std::memory_order_seq_cst);  // C1, partner B2
    if (wake != nullptr) wake(&page->cursor);                     // C3
  }

  bool HasNext() const noexcept {
    return view_.head().load(std::memory_order_acquire) > cursor_;  // T1, partner P3
  }

  // When the next sample was published, without holding it: for choosing among several
  // publishers. Empty: nothing to take. Before the publisher writes a new time, with release, the
  // slot's sequence says that the sample is gone; so a new time read here makes the look at the
  // sequence fail.
  std::optional<int64_t> PeekPublishTime() const noexcept {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const uint64_t head = view_.head().load(std::memory_order_acquire);  // T1, partner P3
      if (head <= cursor_) return std::nullopt;
      uint64_t n = std::max(cursor_ + 1, Oldest(head));
      if (attempt > 0) n = OldestLeft(n, head);
      const uint32_t slot = SlotOf(n);
      if (slot >= view_.layout().slot_count) continue;
      const int64_t time = view_.slot(slot).publish_time.load(std::memory_order_acquire);
      if (view_.slot(slot).sequence.load(std::memory_order_acquire) == n) return time;  // R1
    }
    return INT64_MIN;  // Overtaken each time: overdue, so it goes first.
  }

  // S1: from now on the publisher rings or wakes. Returns the newest sample that is known.
  uint64_t Arm(WakeBy how) noexcept {
    const uint64_t known = view_.head().load(std::memory_order_acquire);   // T1, partner P3
    page_->armed.store(ArmedWord(known, how), std::memory_order_seq_cst);  // S1, partner P4
    return known;
  }
  // S2: whether something came before the publisher could see S1. If so, do not sleep.
  bool HeadMoved() const noexcept {
    return view_.head().load(std::memory_order_seq_cst) > cursor_;  // S2, partner P3
  }
  // For S3 by futex: the word the publisher wakes, and the lower half of head.
  const void* armed_word() const noexcept { return &page_->armed; }
  const void* head_word() const noexcept { return &view_.head(); }
  // The newest sample, for discovery's thread.
  uint64_t head() const noexcept { return view_.head().load(std::memory_order_acquire); }  // P3
  // The newest sample that is written, and perhaps not announced yet. For when it ended.
  uint64_t written() const noexcept {
    uint64_t n = head();
    for (uint32_t i = 0; i < view_.layout().depth && IsWritten(n + 1); ++i) ++n;
    return n;
  }
  // Whether the publisher has gone on since `head` and `written` were as they are given here: then
  // it may have overwritten what is not looked at any more. It writes a sample's slot and ring
  // entry (P1, P2) before it takes anything out of the ring for it.
  bool WentOn(uint64_t head_then, uint64_t written_then) const noexcept {
    return head() != head_then || IsWritten(written_then + 1);
  }
  // The newest sample that was taken, lost or skipped.
  uint64_t position() const noexcept { return cursor_; }
  void Disarm() noexcept {
    page_->armed.store(0, std::memory_order_relaxed);  // At worst there is one more ring.
  }

  // Whether max_samples are held, so that Take must fail.
  bool at_limit() const noexcept { return FreePin() == kNoSlot; }
  bool holds_any() const noexcept {
    for (uint32_t i = 0; i < view_.layout().max_samples; ++i) {
      if (page_->pins[i].load(std::memory_order_acquire) != 0) return true;  // T0, partner T6
    }
    return false;
  }
  uint64_t lost() const noexcept { return page_->tally.lost.value(); }
  uint64_t skipped() const noexcept { return page_->tally.skipped.value(); }
  uint64_t malformed() const noexcept { return page_->tally.malformed.value(); }

  // What becomes of samples that are held is the caller's to say: handed to the user, of which it
  // returns the number so far; or so it seemed, but malformed; or passed over after all.
  uint64_t CountTaken() noexcept {
    page_->tally.taken.Set(++taken_);
    return taken_;
  }
  void CountMalformed() noexcept {
    page_->tally.malformed.Add();
    page_->tally.taken.Set(--taken_);
  }
  void CountSkipped() noexcept { page_->tally.skipped.Add(); }
  void CountLost() noexcept { page_->tally.lost.Add(); }
  // The sample taken last was `latency` ns old; it may have ended a sleep.
  void CountLatency(int64_t latency, bool ended_sleep) noexcept {
    // Below 0 where clocks differ, or the publisher lies.
    page_->tally.AddLatency(static_cast<uint64_t>(std::max<int64_t>(latency, 0)));
    if (ended_sleep) page_->tally.wakeups.Add();
    const uint64_t head = view_.head().load(std::memory_order_acquire);  // T1, partner P3
    if (head >= cursor_) NoteLag(head - cursor_ + 1);
  }
  // By any thread.
  SubscriberCounters counters() const noexcept { return page_->tally.Read(); }
  PublisherCounters publisher_counters() const noexcept { return view_.counters(); }

 private:
  static constexpr int kAttempts = 8;
  // A publisher that lies about where it goes on is found out after so many looks.
  static constexpr uint32_t kLooksAtHint = 64;
  // In a batch, the publisher is told after so many samples.
  static constexpr uint64_t kReportAtLeast = 16;

  std::optional<HeldSample> TakeNext() noexcept {
    if (in_batch_ && cursor_ >= known_) return std::nullopt;
    // The hint spares a subscriber that keeps up the lines of head and ring, and the publisher that
    // they are taken from it.
    bool is_at_hint = false;
    if (hint_ < view_.layout().slot_count) {
      const uint64_t n = cursor_ + 1;
      const uint64_t there =
          view_.slot(hint_).sequence.load(std::memory_order_acquire);  // T1, partners P0, P1
      if (IsYetToCome(there, n) && ++looks_ % kLooksAtHint != 0) return std::nullopt;
      is_at_hint = there == n;
    }
    const uint32_t pin = FreePin();
    if (pin == kNoSlot) return std::nullopt;
    if (is_at_hint) {
      if (auto sample = Hold(hint_, cursor_ + 1, pin)) return sample;
    }
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const uint64_t head = view_.head().load(std::memory_order_acquire);  // T1, partner P3
      if (head <= cursor_) return std::nullopt;
      NoteLag(head - cursor_);
      // A publisher that laps the reader during each attempt gets the newest one instead.
      SkipTo(attempt < kAttempts / 2 ? Oldest(head) : head);
      if (attempt > 0) SkipTo(OldestLeft(cursor_ + 1, head));
      const uint64_t n = cursor_ + 1;
      if (auto sample = Hold(SlotOf(n), n, pin)) return sample;
    }
    return std::nullopt;
  }

  std::optional<HeldSample> TakeNewest() noexcept {
    const uint32_t pin = FreePin();
    if (pin == kNoSlot) return std::nullopt;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const uint64_t head = view_.head().load(std::memory_order_acquire);  // T1, partner P3
      if (head <= cursor_) return std::nullopt;
      NoteLag(head - cursor_);
      if (head - cursor_ > 1) page_->tally.skipped.Add(head - cursor_ - 1);
      cursor_ = head - 1;
      if (auto sample = Hold(SlotOf(head), head, pin)) return sample;
    }
    return std::nullopt;
  }

  // C1 to C3: tells the publisher how far this subscriber is. Whoever waits is woken by the step
  // that reaches the cursor it needs, and by no other: one system call for each wait.
  void Report() noexcept {
    if (cursor_ == reported_) return;
    const uint64_t before = std::exchange(reported_, cursor_);
    if (wake_ == nullptr) {
      page_->cursor.store(cursor_, std::memory_order_release);
      return;
    }
    page_->cursor.store(cursor_, std::memory_order_seq_cst);                  // C1, partner B2
    const uint64_t needed = view_.waiting().load(std::memory_order_seq_cst);  // C2, partner B1
    if (before < needed && needed <= cursor_) wake_(&page_->cursor);          // C3
  }

  // In a batch: a publisher that looks sees that this subscriber takes; whether one sleeps is
  // looked at without C2's order, which the Report to come has.
  void ShowProgress() noexcept {
    if (wake_ == nullptr || cursor_ == reported_) return;
    if (view_.waiting().load(std::memory_order_relaxed) != 0) return Report();
    page_->cursor.store(cursor_, std::memory_order_release);
  }

  // So many samples wait. Seen only where head is read in any case, or a latency is measured:
  // whoever keeps up does not read it.
  void NoteLag(uint64_t lag) noexcept { page_->tally.longest_lag.RaiseTo(lag); }

  // T0: acquire, since another thread may have released it, and what that thread read must be
  // over before T3 shows the publisher a new value.
  uint32_t FreePin() const noexcept {
    for (uint32_t i = 0; i < view_.layout().max_samples; ++i) {
      if (page_->pins[i].load(std::memory_order_acquire) == 0) return i;  // T0, partner T6
    }
    return kNoSlot;
  }

  // The oldest sequence number the ring still has when `head` is the newest.
  uint64_t Oldest(uint64_t head) const noexcept {
    return head < view_.layout().depth ? 1 : head - view_.layout().depth + 1;
  }

  void SkipTo(uint64_t n) noexcept {
    if (n <= cursor_ + 1) return;
    page_->tally.lost.Add(n - 1 - std::min(n - 1, std::max(cursor_, owed_after_)));
    cursor_ = n - 1;
  }

  // Whether sample n, or a later one, is in n's place of the ring.
  bool IsWritten(uint64_t n) const noexcept {
    const uint32_t slot = SlotOf(n);
    if (slot >= view_.layout().slot_count) return false;  // A lie, and so no sample to be had.
    const uint64_t sequence = view_.slot(slot).sequence.load(std::memory_order_acquire);  // P1
    return (sequence & kGone) == 0 && sequence >= n;
  }

  uint32_t SlotOf(uint64_t n) const noexcept {
    return view_.ring(n % view_.layout().depth).load(std::memory_order_acquire);  // T2, P2
  }

  // The oldest sample from n on, up to `head`, that the ring still has: while a batch is put, the
  // ring goes on before head does.
  uint64_t OldestLeft(uint64_t n, uint64_t head) const noexcept {
    const uint64_t end = std::min(head, n + kMostUnannounced);
    while (n < end && IsWritten(n + view_.layout().depth)) ++n;
    return n;
  }

  // T3 to T5. `slot` was found by a path that happens after P1 of sample n or shows it gone, so a
  // mismatch at T4 means that n was overwritten: it is lost, and the cursor passes it.
  std::optional<HeldSample> Hold(uint32_t slot, uint64_t n, uint32_t pin) noexcept {
    cursor_ = n;
    hint_ = kNoSlot;
    if (slot < view_.layout().slot_count) {
      const SlotHeader& header = view_.slot(slot);
      page_->pins[pin].store(slot + 1, std::memory_order_seq_cst);          // T3, partner R2
      if (header.sequence.load(std::memory_order_seq_cst) == n) {           // T4, partner R1
        hint_ = header.next_slot.load(std::memory_order_relaxed);           // after P1 by T4
        const uint32_t size = header.size.load(std::memory_order_relaxed);  // likewise
        return HeldSample{
            .sequence = n,
            .publish_time = header.publish_time.load(std::memory_order_relaxed),  // likewise
            .payload = view_.payload(slot),
            .size = std::min(size, view_.layout().payload_capacity),
            .pin = pin};
      }
      page_->pins[pin].store(0, std::memory_order_release);  // T6
    }
    if (n > owed_after_) page_->tally.lost.Add();
    return std::nullopt;
  }

  const SegmentView<const std::byte> view_;
  SubscriberPage* const page_;
  const WakePublisher wake_;
  uint64_t reported_ = 0;  // The page's cursor.
  uint64_t cursor_;        // The newest sample taken, lost or skipped.
  // Samples up to this one are history: taken if they are still there, else not missed.
  const uint64_t owed_after_;
  // Where the sample after cursor_ will be, if it is not said there that it is elsewhere.
  uint32_t hint_ = kNoSlot;
  uint32_t looks_ = 0;  // At a slot where it is yet to come.
  bool in_batch_ = false;
  uint64_t known_ = 0;  // The newest sample when the batch began.
  uint64_t taken_ = 0;  // As in the page, from where it would have to be read for each sample.
};

}  // namespace holler

#endif  // HOLLER_SLOT_RING_H_
