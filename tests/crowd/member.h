// One process of the crowd, and how it talks with the driver.
#ifndef HOLLER_TESTS_CROWD_MEMBER_H_
#define HOLLER_TESTS_CROWD_MEMBER_H_

#include <cstdint>

namespace crowd {

// Topics each member publishes, and as many it subscribes to: topic k of the (k + 1)th member
// after it, in a ring. So each has twice as many neighbours, and all hang together.
inline constexpr uint32_t kTopics = 5;
inline constexpr uint32_t kNeighbours = 2 * kTopics;

// What the driver says, on stdin.
enum class Command : char {
  kSend = 's',   // A sample on each topic; then receive those of the others.
  kCheck = 'c',  // Nothing more came, nothing was lost.
  kEnd = 'e',
};

// What the member says, on stdout: once it is matched, and after each command but the last.
struct Report {
  uint64_t connections;
  uint64_t hollers_sent;
  uint64_t hollers_received;
  uint64_t sweeps;
};

// The exit status of member `index` of `members`.
int RunMember(uint32_t index, uint32_t members);

}  // namespace crowd

#endif  // HOLLER_TESTS_CROWD_MEMBER_H_
