// Where in a publisher's samples a new subscriber begins.
#ifndef HOLLER_JOIN_H_
#define HOLLER_JOIN_H_

#include <algorithm>
#include <cstdint>

namespace holler {

// Which of a publisher's samples a new subscriber gets first.
enum class StartAt : uint32_t {
  kDefault,  // kNewest on latched topics, kNext on others.
  kNext,     // What is published from now on.
  kNewest,   // The newest there is.
  kOldest,   // The oldest that is retained: up to `depth` samples.
};

// Where a subscriber joins a publisher.
struct JoinPoint {
  uint64_t start = 0;  // Its first sample is the next one.
  uint64_t head = 0;   // The newest then: what is overwritten up to here was never owed to it.
};

// `head` is the newest sample at the time of joining. Whatever a peer wishes, the result is valid.
constexpr JoinPoint JoinAt(uint64_t head, StartAt wish, bool latched, uint32_t depth) noexcept {
  if (wish == StartAt::kDefault) wish = latched ? StartAt::kNewest : StartAt::kNext;
  const uint64_t back = wish == StartAt::kNewest ? 1 : wish == StartAt::kOldest ? depth : 0;
  return {.start = head - std::min(head, back), .head = head};
}

}  // namespace holler

#endif  // HOLLER_JOIN_H_
