// What a node tells an observer: its endpoints, whom they are matched with, and what they count.
#ifndef HOLLER_OBSERVER_FEED_H_
#define HOLLER_OBSERVER_FEED_H_

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "holler/connection.h"
#include "holler/endpoint.h"
#include "holler/node_identity.h"
#include "holler/registry.h"

namespace holler {

// Compares what the observer was told with what there is, and sends the difference; nothing while
// earlier messages wait. So an observer that does not read costs one message, and no more files
// than the kernel's buffer holds, however much comes and goes meanwhile.
//
// Thread safety: thread-compatible; discovery holds its lock.
class ObserverFeed {
 public:
  // All of them must outlive it.
  ObserverFeed(const NodeIdentity& self, const Registry& registry, Connection& connection)
      : self_(self), registry_(registry), connection_(connection) {}

  // The observer wants to know all counters anew. Looks have growing numbers.
  void OnLook(uint64_t look);
  // Sends what the observer has not been told, as far as it reads. Errors: as Connection::Send.
  absl::Status Tell();

 private:
  using MatchKey = std::pair<uint64_t, EndpointKey>;  // Publisher, and its subscriber.

  absl::Status TellEnds(const std::set<MatchKey>& matches);
  absl::Status TellPublisher(uint64_t id, const PublisherEndpoint& publisher);
  absl::Status TellSubscriber(uint64_t id, const SubscriberEndpoint& subscriber);
  absl::Status TellMatch(uint64_t publisher, const EndpointKey& subscriber,
                         const SubscriberPeer& peer);
  absl::Status TellEnd(const MatchKey& match);
  absl::Status TellGone(uint64_t endpoint);
  absl::Status Send(std::string card, int fd = -1);

  const NodeIdentity& self_;
  const Registry& registry_;
  Connection& connection_;
  uint64_t look_ = 0;
  uint64_t answered_ = 0;
  // What it was told, and in which look its counters.
  std::set<uint64_t> publishers_;
  std::map<uint64_t, uint64_t> subscribers_;
  std::map<MatchKey, uint64_t> matches_;
};

// The counters of a subscriber, for a card and from one.
wire::CountsT ToCounts(const SubscriberCounters& counters);
SubscriberCounters ToCounters(const wire::CountsT& counts);

}  // namespace holler

#endif  // HOLLER_OBSERVER_FEED_H_
