// Domains for tests, so that tests that run at the same time do not meet.
#ifndef HOLLER_TESTS_RUNTIME_DOMAIN_H_
#define HOLLER_TESTS_RUNTIME_DOMAIN_H_

#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace holler {

// Another domain below 4,500 at each call, five in turn; processes whose ids are near each other
// share none.
inline uint32_t NextDomain() {
  static std::atomic<uint32_t> calls{0};
  return static_cast<uint32_t>(::getpid()) % 900 * 5 + calls.fetch_add(1) % 5;
}

}  // namespace holler

#endif  // HOLLER_TESTS_RUNTIME_DOMAIN_H_
