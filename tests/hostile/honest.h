// The honest side of every attack: a process of its own in which one node publishes and another
// subscribes, without a pause, while the test attacks both of them from outside.
#ifndef HOLLER_TESTS_HOSTILE_HONEST_H_
#define HOLLER_TESTS_HOSTILE_HONEST_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "holler/name_card.h"
#include "holler/unique_fd.h"

namespace hostile {

// The honest process itself: obeys what it reads from `control` until it is told to end.
int RunHonest(int control);

// What the honest process says of itself. Counters of the nodes are "speaker." or "listener." and
// the name of the counter in holler::NodeStats; the rest:
//   published, taken, gaps, torn   the honest samples; lost or torn ones must not be
//   foreign, malformed             samples of others, and those that were no valid message
//   fds, rss_kb                    of the process; -1 when it has no fd left to look
//   lines, repeated                logged; lines that a node logged more than once
using Report = std::map<std::string, int64_t>;

// Starts the honest process, and asks it.
//
//   Honest honest;                             // its two nodes are matched, samples flow
//   ... attack honest.speaker() ...
//   Report report = honest.Ask();
class Honest {
 public:
  Honest();
  Honest(const Honest&) = delete;
  Honest& operator=(const Honest&) = delete;
  // Ends the process; a test failure if it did not live until now.
  ~Honest();

  const holler::wire::NodeId& speaker() const { return speaker_; }    // Publishes hostile/beat.
  const holler::wire::NodeId& listener() const { return listener_; }  // Subscribes to all topics.
  pid_t pid() const { return pid_; }

  Report Ask();
  // One of the commands of RunHonest. Returns its answer, empty if the process is dead.
  std::string Command(const std::string& command);

 private:
  pid_t pid_ = -1;
  holler::UniqueFd control_;
  holler::wire::NodeId speaker_;
  holler::wire::NodeId listener_;
};

}  // namespace hostile

#endif  // HOLLER_TESTS_HOSTILE_HONEST_H_
