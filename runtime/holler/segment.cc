#include "holler/segment.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "holler/clock.h"
#include "holler/system_error.h"

namespace holler {
namespace {

constexpr uint64_t kSegmentMagic = 0x31544E454D474553;  // "SEGMENT1"
constexpr uint64_t kPageMagic = 0x3145474150425553;     // "SUBPAGE1"

// Nobody may resize it, nobody but holders of an existing writable mapping may write it, and no
// seal may be added: fcntl(2), "File Sealing".
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U  // Since Linux 6.3; glibc 2.36 does not name it.
#endif

// All mappings of peers' memory together, of which there may be kMostMapped.
std::atomic<uint64_t> mapped_bytes{0};

struct OwnMemory {
  UniqueFd fd;
  Mapping mapping;
};

absl::StatusOr<OwnMemory> CreateSealed(const char* label, size_t size, const std::string& what,
                                       const MemoryOptions& options) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int raw = ::memfd_create(label, flags | MFD_NOEXEC_SEAL);
  if (raw < 0 && errno == EINVAL) raw = ::memfd_create(label, flags);
  if (raw < 0) return SystemError(errno, absl::StrCat("memfd_create for ", what));
  UniqueFd fd(raw);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    return SystemError(errno, absl::StrCat("ftruncate to ", size, " bytes for ", what));
  }
  absl::StatusOr<Mapping> mapping = Mapping::Create(fd.get(), size, Mapping::kReadWrite, what);
  if (!mapping.ok()) return mapping.status();
  // After mapping: F_SEAL_FUTURE_WRITE leaves this one writable mapping, and allows no other.
  if (::fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return SystemError(errno, absl::StrCat("sealing the memory of ", what));
  }
  // A forked child must not be a second writer of the same bytes.
  if (::madvise(mapping->data(), size, MADV_DONTFORK) != 0) {
    return SystemError(errno, absl::StrCat("madvise(MADV_DONTFORK) for ", what));
  }
  if (absl::Status status = mapping->Prepare(options, what); !status.ok()) return status;
  return OwnMemory{std::move(fd), std::move(*mapping)};
}

// Maps a peer's memory for reading, if nothing the peer does later can make reading it fail:
// it is shmem (not hugetlbfs, whose pages may be missing at the fault), and sealed.
absl::StatusOr<Mapping> MapSealed(const UniqueFd& fd, size_t least, size_t most, const char* what) {
  // First what asks nobody: whoever serves a file system in user space could let the others wait.
  const int seals = ::fcntl(fd.get(), F_GET_SEALS);
  if (seals < 0) return absl::InvalidArgumentError(absl::StrCat(what, " is not a memfd"));
  if ((seals & kSeals) != kSeals) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is not sealed"));
  }
  struct statfs fs {};
  if (::fstatfs(fd.get(), &fs) != 0) return SystemError(errno, absl::StrCat("fstatfs of ", what));
  if (fs.f_type != TMPFS_MAGIC) {
    return absl::InvalidArgumentError(absl::StrCat(what, " is not a memfd of ordinary pages"));
  }
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return SystemError(errno, absl::StrCat("fstat of ", what));
  const uint64_t size = static_cast<uint64_t>(st.st_size);
  if (size < least || size > most) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", size, " bytes, not ", least, " to ", most));
  }
  return Mapping::Create(fd.get(), size, Mapping::kRead, what);
}

template <size_t N>
void CopyName(std::string_view from, char (&to)[N]) {
  std::memcpy(to, from.data(), std::min(from.size(), N - 1));
}

}  // namespace

absl::StatusOr<Segment> Segment::Create(const TopicInfo& topic, const MemoryOptions& options) {
  const std::string what = absl::StrCat("topic '", std::string(topic.name), "'");
  if (!IsConsistent(topic.layout) || !HoldsCallHeader(topic.layout, topic.call_header_bytes) ||
      topic.schema.size() != topic.layout.schema_bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the layout of ", what, " contradicts itself: generate its header anew"));
  }
  if (topic.reliable && topic.layout.max_loans > topic.layout.depth) {
    return absl::InvalidArgumentError(
        absl::StrCat(what,
                     " is reliable, and lends more samples (max_loans) than it keeps (depth): "
                     "generate its header anew"));
  }
  absl::StatusOr<OwnMemory> memory =
      CreateSealed("holler-segment", topic.layout.segment_bytes, what, options);
  if (!memory.ok()) return memory.status();

  auto* header = new (memory->mapping.data()) SegmentHeader{};
  header->magic = kSegmentMagic;
  header->abi_version = kAbiVersion;
  header->header_bytes = sizeof(SegmentHeader);
  header->layout = topic.layout;
  header->fingerprint = topic.fingerprint;
  header->reliable = topic.reliable ? 1 : 0;
  header->call_header_bytes = topic.call_header_bytes;
  header->partner = topic.partner;
  CopyName(topic.name, header->topic_name);
  CopyName(topic.type_name, header->type_name);
  std::memcpy(memory->mapping.data() + topic.layout.schema_offset, topic.schema.data(),
              topic.schema.size());
  // tally, head, ring and slots are atomics whose value 0 is all bits zero, as the kernel made
  // them.
  SegmentView<std::byte>(memory->mapping.data(), topic.layout)
      .tally()
      .created_at.Set(static_cast<uint64_t>(MonotonicNow()));
  return Segment(std::move(memory->fd), std::move(memory->mapping));
}

absl::StatusOr<std::shared_ptr<const PeerSegment>> PeerSegment::Map(UniqueFd fd) {
  absl::StatusOr<Mapping> mapping =
      MapSealed(fd, kPageBytes, kMaxSegmentBytes, "the publisher's segment");
  if (!mapping.ok()) return mapping.status();

  SegmentHeader header;
  std::memcpy(&header, mapping->data(), sizeof(header));  // From here on, only the copy.
  if (header.magic != kSegmentMagic) {
    return absl::InvalidArgumentError("the publisher's segment does not start as a segment does");
  }
  if (header.abi_version != kAbiVersion || header.header_bytes != sizeof(SegmentHeader)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the publisher's segment has ABI version ", header.abi_version, ", this program ",
        kAbiVersion, ": build both with the same version of Holler"));
  }
  if (!IsConsistent(header.layout) || header.layout.segment_bytes != mapping->size() ||
      !HoldsCallHeader(header.layout, header.call_header_bytes)) {
    return absl::InvalidArgumentError("the publisher's segment contradicts itself in its layout");
  }
  if (::memchr(header.topic_name, 0, sizeof(header.topic_name)) == nullptr ||
      ::memchr(header.type_name, 0, sizeof(header.type_name)) == nullptr) {
    return absl::InvalidArgumentError("the publisher's segment has a name that does not end");
  }
  // Mapped, but not counted yet: several threads may be here, so the sum is checked after adding.
  auto segment = std::shared_ptr<PeerSegment>(new PeerSegment());
  const uint64_t bytes = mapping->size();
  segment->mapping_ = std::move(*mapping);
  if (mapped_bytes.fetch_add(bytes) + bytes > kMostMapped) {
    return absl::ResourceExhaustedError(
        absl::StrCat("segments of peers together would take more than ", kMostMapped >> 30,
                     " GiB of addresses: lower depth, max_subscribers, max_samples or max_bytes of "
                     "large topics"));
  }
  segment->layout_ = header.layout;
  segment->fingerprint_ = header.fingerprint;
  segment->reliable_ = header.reliable != 0;
  segment->call_header_bytes_ = header.call_header_bytes;
  segment->partner_ = header.partner;
  segment->topic_name_ = header.topic_name;
  segment->type_name_ = header.type_name;
  return std::shared_ptr<const PeerSegment>(std::move(segment));
}

absl::Status PeerSegment::Prepare(const MemoryOptions& memory) const {
  return mapping_.Prepare(memory, absl::StrCat("the segment of topic '", topic_name_, "'"));
}

PeerSegment::~PeerSegment() { mapped_bytes.fetch_sub(mapping_.size()); }

PublisherCounters PeerSegment::counters() const noexcept {
  return SegmentView<const std::byte>(data(), layout_).counters();
}

std::string PeerSegment::CopySchema() const {
  return std::string(reinterpret_cast<const char*>(data()) + layout_.schema_offset,
                     layout_.schema_bytes);
}

absl::StatusOr<OwnPage> OwnPage::Create(uint32_t max_samples, StartAt start_at, bool best_effort) {
  absl::StatusOr<OwnMemory> memory =
      CreateSealed("holler-subscriber", kPageBytes, "a subscriber", {});
  if (!memory.ok()) return memory.status();
  auto* page = new (memory->mapping.data()) SubscriberPage{};
  page->magic = kPageMagic;
  page->abi_version = kAbiVersion;
  page->max_samples = max_samples;
  page->start_at = static_cast<uint32_t>(start_at);
  page->best_effort = best_effort ? 1 : 0;
  return OwnPage(std::move(memory->fd), std::move(memory->mapping));
}

absl::Status OwnPage::Prepare(const MemoryOptions& memory) const {
  return mapping_.Prepare(memory, "a subscriber's page");
}

absl::Status PeerPage::Prepare(const MemoryOptions& memory) const {
  return mapping_.Prepare(memory, "a subscriber's page");
}

absl::StatusOr<PeerPage> PeerPage::Map(UniqueFd fd) {
  absl::StatusOr<Mapping> mapping = MapSealed(fd, kPageBytes, kPageBytes, "the subscriber's page");
  if (!mapping.ok()) return mapping.status();
  PeerPage page(std::move(*mapping));
  if (page.get()->magic != kPageMagic || page.get()->abi_version != kAbiVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("the subscriber's page is not one of ABI version ", kAbiVersion));
  }
  return page;
}

}  // namespace holler
