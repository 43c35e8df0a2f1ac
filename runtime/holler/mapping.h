// Mapped memory, and how its pages come to be.
#ifndef HOLLER_MAPPING_H_
#define HOLLER_MAPPING_H_

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "holler/options.h"

namespace holler {

// A range of mapped memory that unmaps itself.
//
//   absl::StatusOr<Mapping> mapping = Mapping::Create(fd, size, Mapping::kRead, "a segment");
//   if (absl::Status status = mapping->Prepare(options.memory, "a segment"); !status.ok()) ...
//   Use(mapping->data(), mapping->size());
//
// Thread safety: thread-compatible.
class Mapping {
 public:
  enum Access { kRead, kReadWrite };

  // Maps the first `size` bytes of a file, shared; large ones where the kernel can use huge pages.
  // `what` is what errors call it. Errors: the limit that was hit.
  static absl::StatusOr<Mapping> Create(int fd, size_t size, Access access,
                                        const std::string& what);

  Mapping() = default;
  Mapping(Mapping&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        access_(other.access_),
        pid_(other.pid_) {}
  Mapping& operator=(Mapping&& other) noexcept {
    if (this == &other) return *this;
    const Mapping unmapped = std::move(*this);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    access_ = other.access_;
    pid_ = other.pid_;
    return *this;
  }
  ~Mapping();

  // Does what the options ask for; changes nothing of what the memory holds. May take some
  // milliseconds for large ones. Errors: ResourceExhausted: no memory, or the limit on locked
  // memory; the message says which and how to raise it.
  absl::Status Prepare(const MemoryOptions& options, const std::string& what) const;

  std::byte* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  Mapping(std::byte* data, size_t size, Access access)
      : data_(data), size_(size), access_(access), pid_(::getpid()) {}

  absl::Status Populate(const std::string& what) const;

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  Access access_ = kRead;
  pid_t pid_ = 0;  // Of the process that mapped it.
};

}  // namespace holler

#endif  // HOLLER_MAPPING_H_
