#include "holler/mapping.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "holler/layout.h"
#include "holler/system_error.h"

namespace holler {
namespace {

// What one entry of a page table's middle level maps, on x86 and on ARM with pages of 4 KiB. Where
// it is another size, huge pages are just not used.
constexpr size_t kHugePage = size_t{2} << 20;

// Values of madvise(2) that the headers of glibc 2.36 or older lack.
constexpr int kPopulateRead = 22;   // Since Linux 5.14.
constexpr int kPopulateWrite = 23;  // Likewise.
constexpr int kCollapse = 25;       // Since Linux 6.1.

absl::Status LockError(int error_number, size_t size, const std::string& what) {
  rlimit limit{};
  ::getrlimit(RLIMIT_MEMLOCK, &limit);
  return absl::ResourceExhaustedError(absl::StrCat(
      "locking ", size, " bytes of ", what, " in memory: ", std::strerror(error_number),
      "; this process may lock ", limit.rlim_cur,
      " bytes in all (RLIMIT_MEMLOCK): raise it with `ulimit -l`, grant CAP_IPC_LOCK, or do "
      "without MemoryOptions::lock"));
}

// For kernels that do not know how to populate. Nothing else is in this memory yet, or it is only
// read.
void Touch(std::byte* data, size_t size, Mapping::Access access) {
  for (size_t at = 0; at < size; at += kPageBytes) {
    volatile std::byte* byte = data + at;
    const std::byte value = *byte;
    if (access == Mapping::kReadWrite) *byte = value;
  }
}

}  // namespace

absl::StatusOr<Mapping> Mapping::Create(int fd, size_t size, Access access,
                                        const std::string& what) {
  const int protection = access == kReadWrite ? PROT_READ | PROT_WRITE : PROT_READ;
  void* wish = nullptr;
  int flags = MAP_SHARED;
  if (size >= kHugePage) {
    // The kernel maps a huge page only where address and place in the file agree. Addresses are
    // taken first, some too many, and what is not needed is given back: mmap(2).
    void* room = ::mmap(nullptr, size + kHugePage, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room != MAP_FAILED) {
      auto* start = static_cast<std::byte*>(room);
      const size_t before = (kHugePage - reinterpret_cast<uintptr_t>(room) % kHugePage) % kHugePage;
      const size_t end = AlignUp(before + size, static_cast<size_t>(::sysconf(_SC_PAGESIZE)));
      if (before > 0) ::munmap(start, before);
      if (end < size + kHugePage) ::munmap(start + end, size + kHugePage - end);
      wish = start + before;
      flags |= MAP_FIXED;
    }
  }
  void* data = ::mmap(wish, size, protection, flags, fd, 0);
  if (data == MAP_FAILED) {
    const int error_number = errno;
    if (wish != nullptr) ::munmap(wish, size);
    return SystemError(error_number, absl::StrCat("mmap of ", size, " bytes for ", what));
  }
  return Mapping(static_cast<std::byte*>(data), size, access);
}

Mapping::~Mapping() {
  // A forked child may have something else there: see MADV_DONTFORK in segment.cc.
  if (data_ != nullptr && pid_ == ::getpid()) ::munmap(data_, size_);
}

absl::Status Mapping::Populate(const std::string& what) const {
  if (::madvise(data_, size_, access_ == kReadWrite ? kPopulateWrite : kPopulateRead) == 0) {
    return absl::OkStatus();
  }
  if (errno != EINVAL) {
    return SystemError(errno, absl::StrCat("getting ", size_, " bytes of memory for ", what));
  }
  Touch(data_, size_, access_);
  return absl::OkStatus();
}

absl::Status Mapping::Prepare(const MemoryOptions& options, const std::string& what) const {
  if (!options.prefault && !options.huge_pages && !options.lock) return absl::OkStatus();
  const bool huge = options.huge_pages && size_ >= kHugePage;
  // A wish, which counts where shmem_enabled of transparent huge pages says "advise".
  if (huge) ::madvise(data_, size_, MADV_HUGEPAGE);
  absl::Status status = Populate(what);
  // Likewise a wish, which counts whatever that says, but needs pages to begin with. Those that it
  // has replaced must be mapped anew.
  if (status.ok() && huge && ::madvise(data_, size_ / kHugePage * kHugePage, kCollapse) == 0) {
    status = Populate(what);
  }
  if (!status.ok()) return status;
  if (options.lock && ::mlock(data_, size_) != 0) return LockError(errno, size_, what);
  return absl::OkStatus();
}

}  // namespace holler
