// Limits, children and file descriptors, for tests.
#ifndef HOLLER_TESTS_RUNTIME_PROCESS_SUPPORT_H_
#define HOLLER_TESTS_RUNTIME_PROCESS_SUPPORT_H_

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

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

// Takes all fd numbers below the highest in use: after that, RLIMIT_NOFILE can say how many more.
inline std::vector<UniqueFd> FillFds() {
  int highest = 0;
  for (int fd = 0; fd < 1'024; ++fd) highest = ::fcntl(fd, F_GETFD) >= 0 ? fd : highest;
  std::vector<UniqueFd> filling;
  while (NextFd() < static_cast<rlim_t>(highest)) filling.emplace_back(::dup(0));
  return filling;
}

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

// A forked process that runs beside this one, and takes turns with it by single bytes. Fork before
// there are threads.
class Child {
 public:
  // The child's end of the line.
  class Line {
   public:
    Line(int in, int out) : in_(in), out_(out) {}
    void Tell(char word) { [[maybe_unused]] const ssize_t sent = ::write(out_, &word, 1); }
    // The other's next word; 0 if it is gone.
    char Hear() {
      char word = 0;
      return ::read(in_, &word, 1) == 1 ? word : '\0';
    }

   private:
    int in_;
    int out_;
  };

  // Runs `run(line)`, and exits with what it returns.
  template <typename Run>
  explicit Child(Run&& run) {
    int down[2];
    int up[2];
    if (::pipe(down) != 0 || ::pipe(up) != 0) std::abort();
    std::fflush(nullptr);
    pid_ = ::fork();
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      ::close(down[1]);
      ::close(up[0]);
      Line line(down[0], up[1]);
      ::_exit(run(line));
    }
    ::close(down[0]);
    ::close(up[1]);
    in_ = UniqueFd(up[0]);
    out_ = UniqueFd(down[1]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) Kill(SIGKILL);
  }

  pid_t pid() const { return pid_; }
  void Tell(char word) { Line(in_.get(), out_.get()).Tell(word); }
  char Hear() { return Line(in_.get(), out_.get()).Hear(); }
  void Signal(int signal) { ::kill(pid_, signal); }
  // Ends it, and returns its wait status.
  int Kill(int signal) {
    Signal(signal);
    return Join();
  }
  int Join() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
    }
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd in_;
  UniqueFd out_;
};

// A line of /proc/self/maps.
struct MappedRange {
  std::byte* data = nullptr;
  size_t size = 0;
  bool writable = false;
  bool shared = false;
  std::string name;
};

inline std::vector<MappedRange> MappedRanges() {
  std::vector<MappedRange> ranges;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t start = 0;
    uintptr_t end = 0;
    char flags[5] = {};
    int name = 0;
    if (std::sscanf(line.c_str(), "%zx-%zx %4s %*s %*s %*s %n", &start, &end, flags, &name) < 3) {
      continue;
    }
    ranges.push_back({reinterpret_cast<std::byte*>(start), end - start, flags[1] == 'w',
                      flags[3] == 's', line.substr(static_cast<size_t>(name))});
  }
  return ranges;
}

// What the open files of a process are, by number.
inline std::map<int, std::string> OpenFiles(pid_t pid) {
  std::map<int, std::string> files;
  const std::filesystem::path folder = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::error_code error;
    files[std::stoi(entry.path().filename())] = std::filesystem::read_symlink(entry, error);
  }
  return files;
}

inline bool ExitedWith(int status, int code) {
  return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_PROCESS_SUPPORT_H_
