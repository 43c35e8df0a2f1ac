// What an observer sees of a domain at one moment.
#ifndef HOLLER_DOMAIN_SNAPSHOT_H_
#define HOLLER_DOMAIN_SNAPSHOT_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "holler/counters.h"
#include "holler/peers.h"
#include "holler/segment.h"

namespace holler {

// A subscriber that a publisher is matched with. Its node may be one that the observer does not
// see.
struct ObservedMatch {
  std::string node_id{};
  uint64_t subscriber = 0;  // ObservedSubscriber::id in that node.
  // Its node, how far it is, and what it counts of this publisher's samples, when its publisher was
  // asked.
  SubscriberPeer state{};
};

struct ObservedPublisher {
  uint64_t id = 0;  // Among the endpoints of its node.
  std::string topic{};
  std::string type_name{};
  uint64_t fingerprint = 0;
  // Its memory, mapped for reading: layout(), CopySchema(). Null: it failed a check, or there was
  // no room for it. As long as it is kept, the memory stays, even if the publisher is gone.
  std::shared_ptr<const PeerSegment> segment{};
  PublisherCounters counters{};
  std::vector<ObservedMatch> matches{};
};

struct ObservedSubscriber {
  uint64_t id = 0;  // Among the endpoints of its node.
  std::string topic{};
  std::string type_name{};
  SubscriberCounters counters{};  // Over all publishers there ever were.
};

struct ObservedNode {
  std::string id{};  // 32 hexadecimal digits.
  // Without a topic. The name is "?" if it never answered, and pid 0 if not even the call did.
  PeerInfo peer{};
  // Whether all below is its answer to this look. Else it is stopped, slow, or has as many
  // observers as it serves, and this is what it told before.
  bool answered = false;
  std::string program{};
  int64_t created_at = 0;  // CLOCK_MONOTONIC, ns.
  std::vector<ObservedPublisher> publishers{};
  std::vector<ObservedSubscriber> subscribers{};
};

// Numbers and names are those that nodes, publishers and subscribers tell of themselves.
struct DomainSnapshot {
  std::vector<ObservedNode> nodes{};  // By id. Not those of observers.
  bool complete = false;              // All of them have answered.
};

}  // namespace holler

#endif  // HOLLER_DOMAIN_SNAPSHOT_H_
