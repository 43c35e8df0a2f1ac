#include "holler/layout.h"

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "ring_support.h"

namespace holler {
namespace {

TEST(AlignUp, RoundsToTheNextMultiple) {
  EXPECT_EQ(AlignUp(0, 64), 0u);
  EXPECT_EQ(AlignUp(1, 64), 64u);
  EXPECT_EQ(AlignUp(64, 64), 64u);
  EXPECT_EQ(AlignUp(65, 64), 128u);
}

TEST(IsConsistent, AcceptsWhatFollowsFromTheCounts) {
  for (const uint32_t depth : {1u, 2u, 8u, 1'000u, kMaxDepth}) {
    for (const uint32_t payload : {1u, 8u, 40u, 41u, 5'000u}) {
      const RingShape shape{.depth = depth, .payload_bytes = payload};
      EXPECT_TRUE(IsConsistent(MakeLayout(shape))) << depth << " " << payload;
    }
  }
}

TEST(IsConsistent, AcceptsItsOwnBounds) {
  EXPECT_TRUE(IsConsistent(MakeLayout({.max_subscribers = kMaxSubscribersLimit,
                                       .max_samples = kMaxSamplesLimit,
                                       .max_loans = kMaxLoansLimit})));
  SegmentLayout largest = MakeLayout({.depth = 1, .max_subscribers = 1, .max_samples = 1});
  largest.slot_stride = kMaxStride;
  largest.payload_capacity = kMaxStride - kSlotHeaderBytes;
  largest.segment_bytes =
      AlignUp(largest.slots_offset + uint64_t{largest.slot_count} * kMaxStride, kPageBytes);
  EXPECT_TRUE(IsConsistent(largest));
}

// Structs, and tables that start where the payload starts, may end anywhere.
TEST(IsConsistent, MindsTheEndOnlyOfWhatEndsThere) {
  SegmentLayout layout = MakeLayout({});
  for (const uint32_t capacity : {32u, 36u}) {
    layout.payload_capacity = capacity;
    layout.payload_kind = PayloadKind::kStruct;
    EXPECT_TRUE(IsConsistent(layout));
    layout.payload_kind = PayloadKind::kTableAtStart;
    EXPECT_TRUE(IsConsistent(layout));
    layout.payload_kind = PayloadKind::kTableAtEnd;
    EXPECT_EQ(IsConsistent(layout), capacity == 32);
  }
}

// One rule broken, everything else as it should be.
struct Breakage {
  std::string name;
  std::function<void(SegmentLayout&)> apply;
};

void PrintTo(const Breakage& breakage, std::ostream* out) { *out << breakage.name; }

class BrokenLayout : public testing::TestWithParam<Breakage> {};

TEST_P(BrokenLayout, IsRefused) {
  SegmentLayout layout = MakeLayout({});
  ASSERT_TRUE(IsConsistent(layout));
  GetParam().apply(layout);
  EXPECT_FALSE(IsConsistent(layout));
}

// Recomputes what follows from the counts, so that only the bound itself is broken.
std::function<void(SegmentLayout&)> Shaped(const RingShape& shape) {
  return [shape](SegmentLayout& layout) { layout = MakeLayout(shape); };
}

std::vector<Breakage> Breakages() {
  using L = SegmentLayout;
  return {
      {"kind_0", [](L& l) { l.payload_kind = PayloadKind{0}; }},
      {"kind_4", [](L& l) { l.payload_kind = PayloadKind{4}; }},
      {"depth_0", Shaped({.depth = 0})},
      {"depth_beyond", Shaped({.depth = kMaxDepth + 1})},
      {"no_subscribers", Shaped({.max_subscribers = 0})},
      {"too_many_subscribers", Shaped({.max_subscribers = kMaxSubscribersLimit + 1})},
      {"no_samples", Shaped({.max_samples = 0})},
      {"too_many_samples", Shaped({.max_samples = kMaxSamplesLimit + 1})},
      {"no_loans", Shaped({.max_loans = 0})},
      {"too_many_loans", Shaped({.max_loans = kMaxLoansLimit + 1})},
      {"empty_payload", Shaped({.payload_bytes = 0})},
      {"one_slot_less", [](L& l) { --l.slot_count; }},
      {"one_slot_more", [](L& l) { ++l.slot_count; }},
      {"slot_count_max", [](L& l) { l.slot_count = UINT32_MAX; }},
      {"payload_in_header", [](L& l) { l.payload_offset = kSlotHeaderBytes - 8; }},
      {"payload_unaligned", [](L& l) { l.payload_offset += 4; }},
      {"payload_offset_beyond",
       [](L& l) {
         l.payload_offset = kMaxAlignment + 8;
         l.slot_stride =
             static_cast<uint32_t>(AlignUp(l.payload_offset + l.payload_capacity, kCacheLine));
         l.segment_bytes =
             AlignUp(l.slots_offset + uint64_t{l.slot_count} * l.slot_stride, kPageBytes);
       }},
      {"payload_past_slot",
       [](L& l) { l.payload_capacity = l.slot_stride - l.payload_offset + 1; }},
      {"table_that_ends_unaligned",
       [](L& l) {
         l.payload_kind = PayloadKind::kTableAtEnd;
         l.payload_capacity = 36;
       }},
      {"payload_overflows", [](L& l) { l.payload_capacity = UINT32_MAX; }},
      {"payload_wraps", [](L& l) { l.payload_capacity = UINT32_MAX - l.payload_offset + 1; }},
      {"stride_unaligned",
       [](L& l) {
         l.slot_stride += 8;
         l.segment_bytes =
             AlignUp(l.slots_offset + uint64_t{l.slot_count} * l.slot_stride, kPageBytes);
       }},
      {"stride_0", [](L& l) { l.slot_stride = 0; }},
      {"stride_wasteful",
       [](L& l) {
         l.slot_stride += kMaxAlignment;
         l.segment_bytes =
             AlignUp(l.slots_offset + uint64_t{l.slot_count} * l.slot_stride, kPageBytes);
       }},
      {"schema_elsewhere", [](L& l) { l.schema_offset += 64; }},
      {"schema_empty", [](L& l) { l.schema_bytes = 0; }},
      {"schema_beyond",
       [](L& l) {
         const uint32_t more = kMaxSchemaBytes;  // Makes schema_bytes 8 too many.
         l.schema_bytes += more;
         l.head_offset += more;
         l.ring_offset += more;
         l.slots_offset += more;
         l.segment_bytes += more;
       }},
      {"schema_over_head", [](L& l) { l.schema_bytes = 4'096; }},
      {"head_elsewhere", [](L& l) { l.head_offset += kCacheLine; }},
      {"head_in_header", [](L& l) { l.head_offset = 0; }},
      {"ring_elsewhere", [](L& l) { l.ring_offset += kCacheLine; }},
      {"ring_on_head", [](L& l) { l.ring_offset = l.head_offset; }},
      {"slots_elsewhere", [](L& l) { l.slots_offset += kCacheLine; }},
      {"slots_on_ring", [](L& l) { l.slots_offset = l.ring_offset; }},
      {"segment_short", [](L& l) { l.segment_bytes -= kPageBytes; }},
      {"segment_long", [](L& l) { l.segment_bytes += kPageBytes; }},
      {"segment_0", [](L& l) { l.segment_bytes = 0; }},
      {"segment_huge",
       [](L& l) {
         l = MakeLayout({.max_subscribers = kMaxSubscribersLimit, .max_samples = 1});
         l.slot_stride = kMaxStride;
         l.payload_capacity = kMaxStride - kSlotHeaderBytes;
         l.segment_bytes =
             AlignUp(l.slots_offset + uint64_t{l.slot_count} * l.slot_stride, kPageBytes);
       }},
  };
}

INSTANTIATE_TEST_SUITE_P(EachRule, BrokenLayout, testing::ValuesIn(Breakages()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holler
