// Matches the publishers and subscribers of one node with each other.
#ifndef HOLLER_LOCAL_MATCHER_H_
#define HOLLER_LOCAL_MATCHER_H_

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "holler/endpoint.h"
#include "holler/session.h"

namespace holler {

// Takes the same steps as a session with another node does, through the same checks.
// Thread safety: thread-compatible; discovery holds its lock.
class LocalMatcher {
 public:
  // `host` must outlive it.
  explicit LocalMatcher(SessionHost& host) : host_(host) {}

  // Matches two endpoints of the same topic, or tells both why not. What fails for want of fds or
  // memory is tried again by Retry.
  void Match(uint64_t publisher_id, uint64_t subscriber_id);
  void Retry();
  // A publisher has entered a subscriber: tells it where it starts. From then on they are matched.
  void Confirm(uint64_t publisher_id, uint64_t subscriber_id, JoinPoint join);
  // A subscriber has stalled: tells both.
  void TellStalled(uint64_t publisher_id, uint64_t subscriber_id);

 private:
  absl::StatusOr<bool> TryMatch(uint64_t publisher_id, PublisherEndpoint& publisher,
                                uint64_t subscriber_id, SubscriberEndpoint& subscriber,
                                const PeerInfo& peer);
  EndpointKey KeyOf(uint64_t endpoint) const { return {host_.self().id, endpoint}; }
  // This node, as an endpoint's peer.
  PeerInfo SelfOf(const std::string& topic) const;

  SessionHost& host_;
  std::set<std::pair<uint64_t, uint64_t>> again_;  // Publisher and subscriber, for Retry.
};

}  // namespace holler

#endif  // HOLLER_LOCAL_MATCHER_H_
