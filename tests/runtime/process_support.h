// Limits, children and file descriptors, for tests.
#ifndef HOLLER_TESTS_RUNTIME_PROCESS_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_PROCESS_SUPPORT_H_

#include <dirent.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "holler/unique_fd.h"

namespace holler {

// Lowers a soft limit of this process while it lives.
class ScopedLimit {
 public:
  ScopedLimit(decltype(RLIMIT_AS) which, rlim_t value) : which_(which) {
    if (::getrlimit(which_, &before_) != 0) std::abort();
    rlimit lower = before_;
    lower.rlim_cur = value;
    if (::setrlimit(which_, &lower) != 0) std::abort();
  }
  ScopedLimit(const ScopedLimit&) = delete;
  ScopedLimit& operator=(const ScopedLimit&) = delete;
  ~ScopedLimit() { ::setrlimit(which_, &before_); }

 private:
  decltype(RLIMIT_AS) which_;
  rlimit before_;
};

// Open files of this process.
inline int CountOpenFds() {
  int count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count - 3;  // ".", ".." and the directory itself.
}

// The next fd number this process would get: at RLIMIT_NOFILE it gets none.
inline rlim_t NextFd() { return static_cast<rlim_t>(UniqueFd(::dup(0)).get()); }

// Bytes of address space in use.
inline uint64_t AddressSpace() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// Runs `run` in a forked child and returns its wait status. The child has none of this process's
// threads; it ends with _exit(run()).
template <typename Run>
int InChild(Run&& run) {
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child < 0) std::abort();
  if (child == 0) ::_exit(run());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
  }
  return status;
}

inline bool ExitedWith(int status, int code) {
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_PROCESS_SUPPORT_H_
