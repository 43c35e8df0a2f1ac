// What an observer has been told by each node.
#ifndef HOLLER_OBSERVATION_H_
#define HOLLER_OBSERVATION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "holler/connection.h"
#include "holler/domain_snapshot.h"
#include "holler/endpoint.h"
#include "holler/name_card.h"

namespace holler {

// Notes down the cards of nodes, up to a bound.
// Thread safety: thread-compatible; discovery holds its lock.
class Observation {
 public:
  // The next look begins. Returns its number.
  uint64_t StartLook() { return ++look_; }
  uint64_t look() const { return look_; }

  // A node is there, or gone.
  void Joined(const wire::NodeId& id, const PeerInfo& peer);
  void Left(const wire::NodeId& id);
  // A node's card. Errors: InvalidArgument: one that no node sends to observers.
  absl::Status OnCard(const wire::NodeId& id, ReceivedCard card);

  // Whether node `id` is there.
  bool Knows(const wire::NodeId& id) const { return nodes_.contains(id); }
  // Whether all nodes have answered this look.
  bool IsAnswered() const;
  DomainSnapshot Snapshot() const;

 private:
  // Of endpoints and matches, over all nodes: a lying one must not fill the memory. What is told
  // beyond is not shown.
  static constexpr size_t kMostEntries = 100'000;

  struct NodeNotes {
    PeerInfo peer{};
    std::string program{};
    int64_t created_at = 0;
    uint64_t answered = 0;
    bool refused = false;
    std::map<uint64_t, ObservedPublisher> publishers{};  // Without matches.
    std::map<uint64_t, ObservedSubscriber> subscribers{};
    std::map<std::pair<uint64_t, EndpointKey>, SubscriberPeer> matches{};

    size_t entries() const { return publishers.size() + subscribers.size() + matches.size(); }
  };

  bool HasRoom() const;
  void OnPublisher(NodeNotes& node, const wire::PublisherCardT& card, std::vector<UniqueFd> fds);
  void OnSubscriber(NodeNotes& node, const wire::SubscriberReportT& report);
  void OnMatch(NodeNotes& node, const wire::MatchReportT& report);
  static void OnGone(NodeNotes& node, uint64_t endpoint);
  ObservedNode Show(const wire::NodeId& id, const NodeNotes& notes) const;

  uint64_t look_ = 0;
  std::map<wire::NodeId, NodeNotes> nodes_;
};

}  // namespace holler

#endif  // HOLLER_OBSERVATION_H_
