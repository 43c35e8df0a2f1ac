// Rings in plain memory, with a guard page on either side, for tests of slot_ring.h.
#ifndef HOLLER_TESTS_RUNTIME_RING_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_RING_SUPPORT_H_

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "holler/layout.h"
#include "holler/slot_ring.h"

namespace holler {

struct RingShape {
  uint32_t depth = 4;
  uint32_t max_subscribers = 2;
  uint32_t max_samples = 2;
  uint32_t max_loans = 2;
  uint32_t payload_bytes = 64;
};

// A consistent layout of this shape.
inline SegmentLayout MakeLayout(const RingShape& shape) {
  SegmentLayout layout{};
  layout.payload_kind = PayloadKind::kStruct;
  layout.depth = shape.depth;
  layout.max_subscribers = shape.max_subscribers;
  layout.max_samples = shape.max_samples;
  layout.max_loans = shape.max_loans;
  layout.slot_count = shape.depth + shape.max_loans + shape.max_subscribers * shape.max_samples;
  layout.payload_offset = kSlotHeaderBytes;
  layout.payload_capacity = shape.payload_bytes;
  layout.slot_stride =
      static_cast<uint32_t>(AlignUp(kSlotHeaderBytes + shape.payload_bytes, kCacheLine));
  layout.schema_offset = kSegmentHeaderBytes;
  layout.schema_bytes = 8;
  layout.head_offset =
      static_cast<uint32_t>(AlignUp(kSegmentHeaderBytes + layout.schema_bytes, kCacheLine));
  layout.ring_offset = layout.head_offset + kCacheLine;
  layout.slots_offset =
      static_cast<uint32_t>(AlignUp(layout.ring_offset + 4 * shape.depth, kCacheLine));
  layout.segment_bytes =
      AlignUp(layout.slots_offset + uint64_t{layout.slot_count} * layout.slot_stride, kPageBytes);
  return layout;
}

// Zeroed memory between two pages that nobody may touch.
class GuardedMemory {
 public:
  explicit GuardedMemory(size_t size) : size_(AlignUp(size, kPageBytes)) {
    void* all =
        ::mmap(nullptr, size_ + 2 * kPageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) std::abort();
    data_ = static_cast<std::byte*>(all) + kPageBytes;
    if (::mprotect(data_, size_, PROT_READ | PROT_WRITE) != 0) std::abort();
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() { ::munmap(data_ - kPageBytes, size_ + 2 * kPageBytes); }

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  std::byte* data_;
};

// For RingWriter::Publish: nobody is woken.
struct NoWaker {
  bool Wake(const Reader&, WakeBy) const { return true; }
};

// For RingWriter::Publish: calls `call` for each subscriber that is to be woken.
template <typename Call>
struct CallWaker {
  Call call;
  bool Wake(const Reader& reader, WakeBy) {
    call(reader);
    return true;
  }
};

// A ring and its publisher. Payloads are filled with words that follow from the sequence number,
// so that a torn or reused one shows.
class TestRing {
 public:
  explicit TestRing(const RingShape& shape)
      : layout_(MakeLayout(shape)),
        memory_(layout_.segment_bytes),
        writer_(memory_.data(), layout_) {}

  RingWriter& writer() { return writer_; }
  const SegmentLayout& layout() const { return layout_; }
  std::byte* memory() const { return memory_.data(); }
  SegmentView<std::byte> view() const { return {memory_.data(), layout_}; }

  // Fills the payload of `slot` as that of sample `n`.
  void Fill(uint32_t slot, uint64_t n) {
    for (uint32_t i = 0; i + 8 <= layout_.payload_capacity; i += 8) {
      const uint64_t word = Word(n, i);
      std::memcpy(writer_.payload(slot) + i, &word, sizeof(word));
    }
  }

  // Publishes the next sample; nobody is rung. Aborts if there is no slot, which cannot be.
  uint64_t Publish() {
    return Publish([](const Reader&) {});
  }
  // `wake` is called for each subscriber that is to be woken.
  template <typename Call>
  uint64_t Publish(Call&& wake) {
    return PublishWith(CallWaker<Call&>{wake});
  }
  template <typename Waker>
  uint64_t PublishWith(Waker&& waker) {
    const uint32_t slot = writer_.Acquire();
    if (slot >= layout_.slot_count) std::abort();
    const uint64_t n = writer_.head() + 1;
    Fill(slot, n);
    return writer_.Publish(slot, layout_.payload_capacity, static_cast<int64_t>(1'000 * n), waker);
  }

  // Puts the next sample, to be announced later. Returns its number.
  uint64_t Put() {
    const uint32_t slot = writer_.Acquire();
    if (slot >= layout_.slot_count) std::abort();
    const uint64_t n = writer_.head() + writer_.unannounced() + 1;
    Fill(slot, n);
    writer_.Put(slot, layout_.payload_capacity, static_cast<int64_t>(1'000 * n));
    return n;
  }

  // Whether every word of the payload is that of its sequence number.
  static bool IsWhole(const HeldSample& sample) {
    for (uint32_t i = 0; i + 8 <= sample.size; i += 8) {
      uint64_t word;
      std::memcpy(&word, sample.payload + i, sizeof(word));
      if (word != Word(sample.sequence, i)) return false;
    }
    return true;
  }

 private:
  static uint64_t Word(uint64_t n, uint32_t offset) { return n * 0x9E3779B97F4A7C15u + offset; }

  const SegmentLayout layout_;
  const GuardedMemory memory_;
  RingWriter writer_;
};

// A subscriber of a TestRing, entered in its table from construction to destruction.
class TestReader {
 public:
  explicit TestReader(TestRing& ring, StartAt start_at = StartAt::kNext)
      : TestReader(ring, start_at, false, nullptr) {}
  // One that is waited for; `wake` is called when it reaches a cursor that is needed.
  static TestReader Reliable(
      TestRing& ring, StartAt start_at = StartAt::kNext,
      RingReader::WakePublisher wake = [](const void*) noexcept {}) {
    return TestReader(ring, start_at, true, wake);
  }
  TestReader(const TestReader&) = delete;
  TestReader& operator=(const TestReader&) = delete;
  ~TestReader() {
    ring_.writer().readers().Remove(&reader_);
    ring_.writer().AwaitScan([] {});
  }

  RingReader* operator->() { return &*view_; }
  RingReader& operator*() { return *view_; }
  SubscriberPage& page() { return *page_; }
  Reader& entry() { return reader_; }
  uint64_t start() const { return start_; }

 private:
  TestReader(TestRing& ring, StartAt start_at, bool is_reliable, RingReader::WakePublisher wake)
      : ring_(ring), page_(std::make_unique<SubscriberPage>()) {
    const auto join = [&] {
      return JoinAt(ring.writer().head(), start_at, false, ring.layout().depth);
    };
    reader_.page = page_.get();
    reader_.is_reliable = is_reliable;
    reader_.start = join().start;
    if (!ring.writer().readers().Enter(&reader_)) std::abort();
    const JoinPoint joined = join();
    start_ = joined.start;
    view_.emplace(ring.memory(), ring.layout(), page_.get(), joined, wake);
  }

  TestRing& ring_;
  std::unique_ptr<SubscriberPage> page_;
  Reader reader_;
  uint64_t start_ = 0;
  std::optional<RingReader> view_;
};

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_RING_SUPPORT_H_
