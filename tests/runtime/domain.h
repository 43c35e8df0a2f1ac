// Domains for tests, so that tests that run at the same time do not meet.
#ifndef HOLLER_TESTS_RUNTIME_DOMAIN_H_
#define HOLLER_TESTS_RUNTIME_DOMAIN_H_

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace holler {

// Five domains that this process has for itself as long as it lives: whoever binds the socket named
// after them. Nothing is to be cleaned up, whatever becomes of it.
inline uint32_t TakeDomains() {
  constexpr uint32_t kBlocks = 900;
  for (uint32_t i = 0; i < kBlocks; ++i) {
    const uint32_t block = (static_cast<uint32_t>(::getpid()) + i) % kBlocks;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Abstract: the first character stays 0.
    const int length = std::snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1,
                                     "holler-test-domains-%u", block);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) return 5 * block;
    ::close(fd);
  }
  std::abort();
}

// Another domain below 4,500 at each call, five in turn, which no other process uses.
inline uint32_t NextDomain() {
  static std::mutex mutex;
  static pid_t owner = 0;  // A forked child takes domains of its own.
  static uint32_t first = 0;
  static uint32_t calls = 0;
  const std::lock_guard lock(mutex);
  if (owner != ::getpid()) {
    owner = ::getpid();
    first = TakeDomains();
  }
  return first + calls++ % 5;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_DOMAIN_H_
