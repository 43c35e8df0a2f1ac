// The shared memory of publishers and subscribers: anonymous files, sealed so that nobody but
// their maker can write them, and checked before they are mapped.
#ifndef HOLLER_SEGMENT_H_
#define HOLLER_SEGMENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "holler/layout.h"
#include "holler/mapping.h"
#include "holler/slot_ring.h"
#include "holler/unique_fd.h"

namespace holler {

// The first bytes of every segment, up to the lines of SegmentView::waiting and tally. Written
// once, before the segment is handed to anybody.
struct SegmentHeader {
  uint64_t magic;
  uint32_t abi_version;
  uint32_t header_bytes;
  SegmentLayout layout;
  uint64_t fingerprint;
  char topic_name[kTopicNameMax + 1];
  char type_name[kTypeNameMax + 1];
  uint32_t reliable;  // Not 0: the publisher waits for those who have not taken.
  // Of requests and replies: kCallHeaderBytes precede each payload, and this endpoint of the same
  // node takes what comes in answer, or what is answered here. 0 on topics.
  uint32_t call_header_bytes;
  uint64_t partner;
  std::byte reserved[kWaitingOffset - 104 - (kTopicNameMax + 1) - (kTypeNameMax + 1)];
};
static_assert(sizeof(SegmentHeader) == kWaitingOffset);

// What a generated topic class says of itself, in one value.
struct TopicInfo {
  std::string_view name{};
  std::string_view type_name{};
  uint64_t fingerprint = 0;
  bool latched = false;
  bool reliable = false;
  SegmentLayout layout{};
  uint32_t call_header_bytes = 0;  // See SegmentHeader, as for partner.
  uint64_t partner = 0;
  std::span<const uint8_t> schema{};  // .bfbs, of layout.schema_bytes bytes; lives forever.
};

// A peer can make segments of any size for nothing, but addresses are finite: all mappings of
// peers' memory together get an eighth of them, and those of one peer an eighth of that.
inline constexpr bool kManyAddresses = sizeof(void*) == 8;
inline constexpr uint64_t kMostMapped = uint64_t{1} << (kManyAddresses ? 44 : 28);
inline constexpr uint64_t kMostMappedOfPeer = kManyAddresses ? kMostMapped / 8 : kMostMapped;

// A publisher's segment: the publisher's own writable mapping, and the fd that peers get.
//
//   absl::StatusOr<Segment> segment = Segment::Create(topic);
//   RingWriter ring(segment->data(), segment->layout());
//   SendToPeer(segment->fd());    // whoever receives it can map it for reading, and nothing else
//
// Thread safety: immutable but for the memory itself, which RingWriter rules.
class Segment {
 public:
  // Allocates and seals. Memory is used only as far as it is touched, unless `memory` says
  // otherwise. Errors: a status that names the topic and the limit that was hit.
  static absl::StatusOr<Segment> Create(const TopicInfo& topic, const MemoryOptions& memory = {});

  std::byte* data() const noexcept { return mapping_.data(); }
  size_t size() const noexcept { return mapping_.size(); }
  const SegmentLayout& layout() const noexcept { return header().layout; }
  const SegmentHeader& header() const noexcept {
    return *reinterpret_cast<const SegmentHeader*>(mapping_.data());
  }
  int fd() const noexcept { return fd_.get(); }

 private:
  Segment(UniqueFd fd, Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}

  UniqueFd fd_;
  Mapping mapping_;
};

// A peer's segment, mapped for reading. What its header says was checked and copied out: later
// changes by a lying publisher are not seen.
//
// Thread safety: immutable.
class PeerSegment {
 public:
  // Checks kind, seals, size and header of `fd` before it believes any of it. Errors:
  // InvalidArgument saying which check failed; otherwise as Segment::Create. Takes the fd, which
  // is not needed any more once this returns.
  static absl::StatusOr<std::shared_ptr<const PeerSegment>> Map(UniqueFd fd);
  ~PeerSegment();

  // As Mapping::Prepare.
  absl::Status Prepare(const MemoryOptions& memory) const;

  const std::byte* data() const noexcept { return mapping_.data(); }
  const SegmentLayout& layout() const noexcept { return layout_; }
  uint64_t fingerprint() const noexcept { return fingerprint_; }
  const std::string& topic_name() const noexcept { return topic_name_; }
  const std::string& type_name() const noexcept { return type_name_; }
  bool reliable() const noexcept { return reliable_; }
  // As in SegmentHeader. `partner` may be any number, and name nobody.
  uint32_t call_header_bytes() const noexcept { return call_header_bytes_; }
  uint64_t partner() const noexcept { return partner_; }
  // What the publisher says of itself at the moment: any numbers. By any thread.
  PublisherCounters counters() const noexcept;
  // The schema is still the peer's memory: copy it, then verify the copy.
  std::string CopySchema() const;

 private:
  PeerSegment() = default;

  Mapping mapping_;
  SegmentLayout layout_{};
  uint64_t fingerprint_ = 0;
  bool reliable_ = false;
  uint32_t call_header_bytes_ = 0;
  uint64_t partner_ = 0;
  std::string topic_name_;
  std::string type_name_;
};

// The maker's side of a subscriber page.
class OwnPage {
 public:
  // A page for a subscriber that holds at most `max_samples` samples. Errors as Segment::Create.
  static absl::StatusOr<OwnPage> Create(uint32_t max_samples, StartAt start_at = StartAt::kDefault,
                                        bool best_effort = false);
  // As Mapping::Prepare.
  absl::Status Prepare(const MemoryOptions& memory) const;
  SubscriberPage* get() const noexcept {
    return reinterpret_cast<SubscriberPage*>(mapping_.data());
  }
  int fd() const noexcept { return fd_.get(); }
  // The fd is needed only until it was handed over.
  void CloseFd() noexcept { fd_.reset(); }

 private:
  OwnPage(UniqueFd fd, Mapping mapping) : fd_(std::move(fd)), mapping_(std::move(mapping)) {}

  UniqueFd fd_;
  Mapping mapping_;
};

// A publisher's view of a subscriber page, read-only.
class PeerPage {
 public:
  // Checks kind, seals, size and header, as PeerSegment::Map does.
  static absl::StatusOr<PeerPage> Map(UniqueFd fd);
  // As Mapping::Prepare.
  absl::Status Prepare(const MemoryOptions& memory) const;
  const SubscriberPage* get() const noexcept {
    return reinterpret_cast<const SubscriberPage*>(mapping_.data());
  }

 private:
  explicit PeerPage(Mapping mapping) : mapping_(std::move(mapping)) {}

  Mapping mapping_;
};

}  // namespace holler

#endif  // HOLLER_SEGMENT_H_
