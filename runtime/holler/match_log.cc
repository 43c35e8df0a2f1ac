#include "holler/match_log.h"

#include "absl/strings/str_cat.h"

namespace holler {
namespace {

const char* NameOf(MatchLog::Kind kind) {
  return kind == MatchLog::Kind::kPublisher ? "publisher" : "subscriber";
}

// "a subscriber in node 'b' (pid 12)", from the publisher's side.
std::string OtherSide(MatchLog::Kind kind, const PeerInfo& peer) {
  const auto other =
      kind == MatchLog::Kind::kPublisher ? MatchLog::Kind::kSubscriber : MatchLog::Kind::kPublisher;
  return absl::StrCat("a ", NameOf(other), " in node '", peer.node_name, "' (pid ", peer.pid, ")");
}

}  // namespace

void MatchLog::Tell(const Endpoint& endpoint, const std::string& what) {
  ++changes_;
  sink_(LogSeverity::kInfo,
        absl::StrCat("topic '", endpoint.topic, "': ", NameOf(endpoint.kind), " ", what));
}

void MatchLog::TellEnd(const Endpoint& endpoint, const PeerInfo& peer) {
  Tell(endpoint, absl::StrCat("no longer matched with ", OtherSide(endpoint.kind, peer)));
}

void MatchLog::Created(uint64_t id, Kind kind, const std::string& topic) {
  const auto [it, added] = endpoints_.try_emplace(id, Endpoint{kind, topic, {}});
  if (added) Tell(it->second, "created");
}

void MatchLog::Closed(uint64_t id) {
  const auto it = endpoints_.find(id);
  if (it == endpoints_.end()) return;
  for (const auto& [other, peer] : it->second.matches) TellEnd(it->second, peer);
  Tell(it->second, "closed");
  endpoints_.erase(it);
}

void MatchLog::Matched(uint64_t id, const EndpointKey& other, const PeerInfo& peer) {
  const auto it = endpoints_.find(id);
  if (it == endpoints_.end() || !it->second.matches.emplace(other, peer).second) return;
  Tell(it->second, absl::StrCat("matched with ", OtherSide(it->second.kind, peer)));
}

void MatchLog::Ended(uint64_t id, const EndpointKey& other) {
  const auto it = endpoints_.find(id);
  if (it == endpoints_.end()) return;
  const auto match = it->second.matches.find(other);
  if (match == it->second.matches.end()) return;
  TellEnd(it->second, match->second);
  it->second.matches.erase(match);
}

void MatchLog::Gone(const EndpointKey& other) {
  for (const auto& [id, endpoint] : endpoints_) Ended(id, other);
}

void MatchLog::NodeGone(const wire::NodeId& node) {
  for (auto& [id, endpoint] : endpoints_) {
    auto& matches = endpoint.matches;
    auto match = matches.lower_bound({node, 0});
    while (match != matches.end() && match->first.node == node) {
      TellEnd(endpoint, match->second);
      match = matches.erase(match);
    }
  }
}

}  // namespace holler
