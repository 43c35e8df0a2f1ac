#include "holler/observation.h"

#include <algorithm>
#include <utility>

#include "holler/node_identity.h"
#include "holler/observer_feed.h"

namespace holler {

void Observation::Joined(const wire::NodeId& id, const PeerInfo& peer) {
  nodes_[id] = NodeNotes{.peer = peer};
}

void Observation::Left(const wire::NodeId& id) { nodes_.erase(id); }

absl::Status Observation::OnCard(const wire::NodeId& id, ReceivedCard card) {
  const auto it = nodes_.find(id);
  if (it == nodes_.end()) return absl::OkStatus();
  NodeNotes& node = it->second;
  const wire::MessageUnion& message = card.envelope.message;
  switch (message.type) {
    case wire::Message_PublisherCard:
      OnPublisher(node, *message.AsPublisherCard(), std::move(card.fds));
      return absl::OkStatus();
    case wire::Message_SubscriberReport:
      OnSubscriber(node, *message.AsSubscriberReport());
      return absl::OkStatus();
    case wire::Message_MatchReport:
      OnMatch(node, *message.AsMatchReport());
      return absl::OkStatus();
    case wire::Message_MatchEnd: {
      const wire::MatchEndT& end = *message.AsMatchEnd();
      node.matches.erase({end.publisher, {*end.node, end.subscriber}});
      return absl::OkStatus();
    }
    case wire::Message_Gone:
      OnGone(node, message.AsGone()->endpoint);
      return absl::OkStatus();
    case wire::Message_Observed: {
      const wire::ObservedT& observed = *message.AsObserved();
      node.program = ToNodeName(observed.program);
      node.created_at = observed.created_at;
      node.answered = observed.look;
      node.refused = observed.refused;
      return absl::OkStatus();
    }
    default:
      return absl::InvalidArgumentError("a card that is not for observers");
  }
}

bool Observation::HasRoom() const {
  size_t entries = 0;
  for (const auto& [id, node] : nodes_) entries += node.entries();
  return entries < kMostEntries;
}

void Observation::OnPublisher(NodeNotes& node, const wire::PublisherCardT& card,
                              std::vector<UniqueFd> fds) {
  if (node.publishers.contains(card.publisher) || !HasRoom()) return;
  ObservedPublisher publisher{.id = card.publisher,
                              .topic = card.topic,
                              .type_name = ToNodeName(card.type_name),
                              .fingerprint = card.fingerprint};
  if (!fds.empty()) {  // Else this process had no room for it.
    auto segment = PeerSegment::Map(std::move(fds.front()));
    // One that contradicts its card is nobody's.
    if (segment.ok() && (*segment)->topic_name() == card.topic &&
        (*segment)->fingerprint() == card.fingerprint) {
      publisher.segment = std::move(*segment);
    }
  }
  node.publishers.emplace(card.publisher, std::move(publisher));
}

void Observation::OnSubscriber(NodeNotes& node, const wire::SubscriberReportT& report) {
  if (!node.subscribers.contains(report.subscriber) && !HasRoom()) return;
  node.subscribers[report.subscriber] = {.id = report.subscriber,
                                         .topic = report.topic,
                                         .type_name = ToNodeName(report.type_name),
                                         .counters = ToCounters(*report.counts)};
}

void Observation::OnMatch(NodeNotes& node, const wire::MatchReportT& report) {
  const std::pair<uint64_t, EndpointKey> key{report.publisher, {*report.node, report.subscriber}};
  const auto publisher = node.publishers.find(report.publisher);
  if (publisher == node.publishers.end()) return;
  if (!node.matches.contains(key) && !HasRoom()) return;
  node.matches[key] = {
      .peer = {ToNodeName(report.node_name), report.pid, report.uid, publisher->second.topic},
      .position = report.position,
      .counters = ToCounters(*report.counts)};
}

void Observation::OnGone(NodeNotes& node, uint64_t endpoint) {
  node.publishers.erase(endpoint);
  node.subscribers.erase(endpoint);
  std::erase_if(node.matches, [&](const auto& match) { return match.first.first == endpoint; });
}

bool Observation::IsAnswered() const {
  return std::all_of(nodes_.begin(), nodes_.end(),
                     [&](const auto& node) { return node.second.answered >= look_; });
}

DomainSnapshot Observation::Snapshot() const {
  DomainSnapshot snapshot{.complete = true};
  for (const auto& [id, notes] : nodes_) {
    snapshot.nodes.push_back(Show(id, notes));
    snapshot.complete = snapshot.complete && snapshot.nodes.back().answered;
  }
  return snapshot;
}

ObservedNode Observation::Show(const wire::NodeId& id, const NodeNotes& notes) const {
  ObservedNode node{.id = ToString(id),
                    .peer = notes.peer,
                    .answered = notes.answered >= look_ && !notes.refused,
                    .program = notes.program,
                    .created_at = notes.created_at};
  for (const auto& [publisher_id, publisher] : notes.publishers) {
    node.publishers.push_back(publisher);
    ObservedPublisher& shown = node.publishers.back();
    if (shown.segment != nullptr) shown.counters = shown.segment->counters();
    const auto first = notes.matches.lower_bound({publisher_id, {}});
    for (auto it = first; it != notes.matches.end() && it->first.first == publisher_id; ++it) {
      const EndpointKey& key = it->first.second;
      shown.matches.push_back(
          {.node_id = ToString(key.node), .subscriber = key.endpoint, .state = it->second});
    }
  }
  for (const auto& [subscriber_id, subscriber] : notes.subscribers) {
    node.subscribers.push_back(subscriber);
  }
  return node;
}

}  // namespace holler
