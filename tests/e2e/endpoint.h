// The endpoints of a puppet, of any topic that carries Ticks: a speaker publishes, a listener
// checks every sample it takes.
#ifndef HOLLER_TESTS_E2E_ENDPOINT_H_
#define HOLLER_TESTS_E2E_ENDPOINT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "holler/node.h"

namespace e2e {

class Speaker {
 public:
  virtual ~Speaker() = default;

  // Publishes `count` samples, one after the other. Returns the number of the last. Errors:
  // FailedPrecondition: there was no loan.
  virtual absl::StatusOr<uint64_t> Publish(uint64_t count) = 0;
  // Publishes from a thread of its own, every `period` or as fast as it can (zero), whenever
  // somebody listens; until Halt.
  virtual void Stream(absl::Duration period) = 0;
  // Returns the number of the last sample.
  virtual uint64_t Halt() = 0;
  // In its samples, and random.
  virtual uint64_t source() const = 0;
  virtual int subscribers() const = 0;
};

class Listener {
 public:
  // How its thread waits for samples.
  enum class Wakeup { kWait, kFd };

  virtual ~Listener() = default;

  // Says "* reached ID SOURCE NUMBER" once it has taken that sample.
  virtual void Expect(uint64_t source, uint64_t number) = 0;
  // Stops taking, or goes on; to fall behind.
  virtual void Pause(bool paused) = 0;
  // What it took and what it missed, as key=value.
  virtual std::string Report() = 0;
};

// `topic_class` is "tick", "few" or "last"; `topic` overrides its name unless empty. Both say
// "* matched ID PEER_PID", "* unmatched ID PEER_PID" and "* refused ID REASON".
absl::StatusOr<std::unique_ptr<Speaker>> MakeSpeaker(holler::Node& node, const std::string& id,
                                                     const std::string& topic_class,
                                                     const std::string& topic);
absl::StatusOr<std::unique_ptr<Listener>> MakeListener(holler::Node& node, const std::string& id,
                                                       const std::string& topic_class,
                                                       const std::string& topic,
                                                       Listener::Wakeup wakeup);

}  // namespace e2e

#endif  // HOLLER_TESTS_E2E_ENDPOINT_H_
