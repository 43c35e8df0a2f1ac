// Segments, and memory that pretends to be one, for tests.
#ifndef HOLLER_TESTS_RUNTIME_SEGMENT_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_SEGMENT_SUPPORT_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "holler/segment.h"
#include "holler/unique_fd.h"
#include "ring_support.h"

namespace holler {

inline constexpr uint8_t kTestSchema[8] = {1, 2, 3, 4, 5, 6, 7, 8};
inline constexpr int kAllSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

// A topic whose schema is no schema: enough for whoever does not look into it.
inline TopicInfo TestTopic(const RingShape& shape = {.payload_bytes = 1'000}) {
  return {.name = "test/segment",
          .type_name = "test.Segment",
          .fingerprint = 0x1234'5678'9ABC'DEF0,
          .latched = false,
          .reliable = false,
          .layout = MakeLayout(shape),
          .schema = kTestSchema};
}

inline UniqueFd Dup(int fd) { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

// A memfd of these bytes with these seals.
inline UniqueFd MakeMemfd(const std::string& bytes, int seals, unsigned flags = 0) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags));
  if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(bytes.size())) != 0) return {};
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd.get(), bytes.data() + done, bytes.size() - done);
    if (n <= 0) return {};
    done += static_cast<size_t>(n);
  }
  if (seals != 0 && ::fcntl(fd.get(), F_ADD_SEALS, seals) != 0) return {};
  return fd;
}

// What is in an fd that may only be read.
inline std::string ReadAll(int fd) {
  std::string bytes(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  if (::pread(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  return bytes;
}

// All that a process may try in order to change memory whose fd it was handed. Returns what
// succeeded: nothing, if the seals hold. Does not use gtest, for it also runs in children.
inline std::vector<std::string> TryToChange(int fd) {
  std::vector<std::string> done;
  const size_t size = static_cast<size_t>(::lseek(fd, 0, SEEK_END));
  const auto try_mmap = [&](int with, const char* how) {
    for (const int sharing : {MAP_SHARED, MAP_SHARED_VALIDATE}) {
      void* data = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, sharing, with, 0);
      if (data == MAP_FAILED) continue;
      done.push_back(std::string("mmap for writing of ") + how);
      ::munmap(data, size);
    }
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, with, 0);
    if (data == MAP_FAILED) return;
    if (::mprotect(data, size, PROT_READ | PROT_WRITE) == 0) {
      done.push_back(std::string("mprotect of ") + how);
    }
    if (::madvise(data, size, MADV_REMOVE) == 0) {
      done.push_back(std::string("madvise(MADV_REMOVE) of ") + how);
    }
    ::munmap(data, size);
  };
  const auto try_calls = [&](int with, const char* how) {
    const char byte = 1;
    const auto succeeded = [&](bool success, const char* what) {
      if (success) done.push_back(std::string(what) + " of " + how);
    };
    succeeded(::pwrite(with, &byte, 1, 0) > 0, "pwrite");
    succeeded(::lseek(with, 0, SEEK_SET) == 0 && ::write(with, &byte, 1) > 0, "write");
    succeeded(::ftruncate(with, 0) == 0, "ftruncate to nothing");
    succeeded(::ftruncate(with, static_cast<off_t>(size) + 4'096) == 0, "ftruncate to more");
    succeeded(::fallocate(with, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4'096) == 0,
              "punching a hole");
    succeeded(::fallocate(with, FALLOC_FL_ZERO_RANGE, 0, 4'096) == 0, "zeroing a range");
    succeeded(::fcntl(with, F_ADD_SEALS, F_SEAL_WRITE) == 0, "adding a seal");
    try_mmap(with, how);
  };
  try_calls(fd, "the fd");
  const UniqueFd again(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_CLOEXEC));
  if (again) try_calls(again.get(), "the fd reopened");
  const UniqueFd cut(
      ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDWR | O_TRUNC | O_CLOEXEC));
  if (cut && static_cast<size_t>(::lseek(cut.get(), 0, SEEK_END)) != size) {
    done.push_back("open(O_TRUNC)");
  }
  return done;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_SEGMENT_SUPPORT_H_
