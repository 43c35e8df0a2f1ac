#include "handed_over.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"

namespace network {
namespace {

// The beginning of a segment or subscriber page.
constexpr size_t kPage = 4096;

std::mutex mutex;
std::vector<int> kept;  // Guarded by it; open until the process ends.

void Keep(msghdr* message) {
  for (cmsghdr* h = CMSG_FIRSTHDR(message); h != nullptr; h = CMSG_NXTHDR(message, h)) {
    if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) continue;
    for (size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
      const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
      std::lock_guard lock(mutex);
      if (copy >= 0) kept.push_back(copy);
    }
  }
}

std::string PathOf(int fd) { return absl::StrCat("/proc/self/fd/", fd); }

bool IsMemory(int fd) {
  char target[64] = {};
  return ::readlink(PathOf(fd).c_str(), target, sizeof(target) - 1) > 0 &&
         std::string_view(target).substr(0, 7) == "/memfd:";
}

class Attempts {
 public:
  // Takes note of what a system call just did.
  bool Note(const char* how, const char* what, bool done) {
    const int error = errno;
    lines.push_back(
        absl::StrCat("attempt ", how, what, "=", done ? "done" : strerrorname_np(error)));
    return done;
  }

  void On(int fd, const char* how) {
    const auto map = [&](int protection) {
      return ::mmap(nullptr, kPage, protection, MAP_SHARED, fd, 0);
    };
    void* memory = map(PROT_READ);
    if (Note("", "read", memory != MAP_FAILED)) {
      Note(how, "_mprotect", ::mprotect(memory, kPage, PROT_READ | PROT_WRITE) == 0);
      ::munmap(memory, kPage);
    }
    memory = map(PROT_READ | PROT_WRITE);
    if (Note(how, "_map", memory != MAP_FAILED)) ::munmap(memory, kPage);
    Note(how, "_write", ::pwrite(fd, "", 1, 0) == 1);
    Note(how, "_shrink", ::ftruncate(fd, 0) == 0);
    Note(how, "_grow", ::ftruncate(fd, off_t{1} << 30) == 0);
    Note(how, "_punch", ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, kPage) == 0);
    Note(how, "_seal", ::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
  }

  std::vector<std::string> lines;
};

}  // namespace

std::vector<std::string> TryToChangeMemory() {
  std::vector<int> fds;
  {
    std::lock_guard lock(mutex);
    fds = kept;
  }
  Attempts attempts;
  int index = 0;
  for (const int fd : fds) {
    if (!IsMemory(fd)) continue;
    attempts.lines.push_back(absl::StrCat("memory ", index++));
    attempts.On(fd, "handed");
    // A memfd's mode lets anybody open it anew for writing; only the seals are in the way.
    const int again = ::open(PathOf(fd).c_str(), O_RDWR | O_CLOEXEC);
    if (!attempts.Note("", "reopen", again >= 0)) continue;
    attempts.On(again, "reopened");
    ::close(again);
  }
  return attempts.lines;
}

}  // namespace network

extern "C" ssize_t recvmsg(int socket, msghdr* message, int flags) {
  const ssize_t size = ::syscall(SYS_recvmsg, socket, message, flags);
  if (size >= 0) network::Keep(message);
  return size;
}
