// Sizes and offsets of a segment: what the generator computes, the compiler asserts and a
// subscriber checks before it believes a publisher.
#ifndef HOLLER_LAYOUT_H_
#define HOLLER_LAYOUT_H_

#include <cstddef>
#include <cstdint>

namespace holler {

// Bumped when SegmentHeader, SlotHeader, SubscriberPage or the meaning of any step changes.
// Nodes of different versions refuse each other.
inline constexpr uint32_t kAbiVersion = 4;

inline constexpr uint32_t kCacheLine = 64;
inline constexpr uint32_t kPageBytes = 4096;
inline constexpr uint32_t kSegmentHeaderBytes = 576;
// The header's last two lines are the only part of it that changes: the word of a publisher that
// waits, and what it counts.
inline constexpr uint32_t kTallyOffset = kSegmentHeaderBytes - kCacheLine;
inline constexpr uint32_t kWaitingOffset = kTallyOffset - kCacheLine;
inline constexpr uint32_t kSlotHeaderBytes = 24;
// What precedes the message of a call, between the slot's header and the payload: a CallHeader.
inline constexpr uint32_t kCallHeaderBytes = 48;

// Bounds of a layout; the generator refuses schemas beyond them, a subscriber refuses peers.
inline constexpr uint32_t kMaxDepth = 65'536;
inline constexpr uint32_t kMaxSubscribersLimit = 1'024;
inline constexpr uint32_t kMaxSamplesLimit = 63;
inline constexpr uint32_t kMaxLoansLimit = 64;
inline constexpr uint32_t kMaxSlots = 1u << 20;
inline constexpr uint32_t kMaxSchemaBytes = 1u << 20;
inline constexpr uint32_t kMaxStride = 1u << 31;
inline constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 40;
inline constexpr uint32_t kMaxAlignment = kPageBytes;
inline constexpr size_t kTopicNameMax = 127;  // Bytes, without the terminating 0.
inline constexpr size_t kTypeNameMax = 191;   // Likewise.

// How a payload lies in its slot.
enum class PayloadKind : uint32_t {
  kStruct = 1,        // A FlatBuffers struct, from the payload's first byte.
  kTableAtEnd = 2,    // A finished FlatBuffer that ends with the payload's last byte.
  kTableAtStart = 3,  // A finished FlatBuffer from the payload's first byte.
};

// The geometry of a segment. An immutable part of its header, hence fixed-width members only.
struct SegmentLayout {
  PayloadKind payload_kind;
  uint32_t depth;             // Samples retained.
  uint32_t max_subscribers;   // Subscribers matched at a time.
  uint32_t max_samples;       // Samples one subscriber may hold.
  uint32_t max_loans;         // Slots the user may be filling at a time.
  uint32_t slot_count;        // depth + max_loans + max_subscribers * max_samples.
  uint32_t payload_offset;    // In the slot.
  uint32_t payload_capacity;  // Bytes.
  uint32_t slot_stride;       // From slot to slot, bytes.
  uint32_t schema_offset;     // From the segment's start, as all below.
  uint32_t schema_bytes;
  uint32_t head_offset;
  uint32_t ring_offset;
  uint32_t slots_offset;
  uint64_t segment_bytes;

  friend constexpr bool operator==(const SegmentLayout&, const SegmentLayout&) = default;
};
static_assert(sizeof(SegmentLayout) == 64);

constexpr uint64_t AlignUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

// Where a message of `size` bytes starts in its payload.
constexpr uint32_t MessageOffset(const SegmentLayout& l, uint32_t size) {
  return l.payload_kind == PayloadKind::kTableAtEnd ? l.payload_capacity - size : 0;
}

// Whether every count is within its bound and every offset follows from the counts as
// docs/slot_ring.md says. True for what the generator emits (asserted in each emitted header);
// anything may come from a peer.
constexpr bool IsConsistent(const SegmentLayout& l) {
  const bool bounded =
      l.payload_kind >= PayloadKind::kStruct && l.payload_kind <= PayloadKind::kTableAtStart &&
      l.depth >= 1 && l.depth <= kMaxDepth &&                                       //
      l.max_subscribers >= 1 && l.max_subscribers <= kMaxSubscribersLimit &&        //
      l.max_samples >= 1 && l.max_samples <= kMaxSamplesLimit &&                    //
      l.max_loans >= 1 && l.max_loans <= kMaxLoansLimit &&                          //
      l.slot_count <= kMaxSlots &&                                                  //
      l.payload_offset >= kSlotHeaderBytes && l.payload_offset <= kMaxAlignment &&  //
      l.payload_offset % 8 == 0 &&                                                  //
      l.payload_capacity >= 1 && l.payload_capacity < kMaxStride &&                 //
      l.slot_stride <= kMaxStride && l.slot_stride % kCacheLine == 0 &&             //
      l.schema_bytes >= 1 && l.schema_bytes <= kMaxSchemaBytes &&                   //
      l.segment_bytes <= kMaxSegmentBytes;
  if (!bounded) return false;
  const uint64_t slots = uint64_t{l.depth} + l.max_loans + l.max_subscribers * l.max_samples;
  const uint64_t payload_end = uint64_t{l.payload_offset} + l.payload_capacity;
  const uint64_t head = AlignUp(uint64_t{kSegmentHeaderBytes} + l.schema_bytes, kCacheLine);
  const uint64_t ring = head + kCacheLine;
  const uint64_t slots_at = AlignUp(ring + uint64_t{l.depth} * 4, kCacheLine);
  const uint64_t end = AlignUp(slots_at + slots * l.slot_stride, kPageBytes);
  // What ends there is aligned from there on.
  const bool aligned = l.payload_kind != PayloadKind::kTableAtEnd || payload_end % 8 == 0;
  return aligned && l.slot_count == slots && payload_end <= l.slot_stride &&
         l.slot_stride - payload_end < kMaxAlignment && l.schema_offset == kSegmentHeaderBytes &&
         l.head_offset == head && l.ring_offset == ring && l.slots_offset == slots_at &&
         l.segment_bytes == end;
}

// Whether slots of this layout have room for `call_header_bytes` before the payload: 0 on topics,
// kCallHeaderBytes for the requests and replies of a service.
constexpr bool HoldsCallHeader(const SegmentLayout& l, uint32_t call_header_bytes) {
  return call_header_bytes == 0 || (call_header_bytes == kCallHeaderBytes &&
                                    l.payload_offset >= kSlotHeaderBytes + kCallHeaderBytes);
}

}  // namespace holler

#endif  // HOLLER_LAYOUT_H_
