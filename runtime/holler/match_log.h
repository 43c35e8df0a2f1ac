// Tells, at level info, what goes on in a node: which endpoints come and go, and whom they match.
#ifndef HOLLER_MATCH_LOG_H_
#define HOLLER_MATCH_LOG_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "holler/endpoint.h"
#include "holler/log.h"
#include "holler/options.h"

namespace holler {

// One line for each event, whoever comes a second time: unlike OnceLog, since a match is news each
// time it is made. Endings of what never was a match are no news.
//
// Thread safety: thread-compatible; discovery holds its lock.
class MatchLog {
 public:
  enum class Kind { kPublisher, kSubscriber };

  explicit MatchLog(LogSink sink) : sink_(std::move(sink)) {}

  // An endpoint of this node was created.
  void Created(uint64_t id, Kind kind, const std::string& topic);
  // It is closed, and its matches end with it.
  void Closed(uint64_t id);

  // An endpoint of this node is matched with `other`, which is in `peer`.
  void Matched(uint64_t id, const EndpointKey& other, const PeerInfo& peer);
  // That match ended.
  void Ended(uint64_t id, const EndpointKey& other);
  // `other` is gone, or all endpoints of `node` are, and all matches with them.
  void Gone(const EndpointKey& other);
  void NodeGone(const wire::NodeId& node);

  // Counts all of these that were news.
  uint64_t changes() const { return changes_; }

 private:
  struct Endpoint {
    Kind kind;
    std::string topic;
    std::map<EndpointKey, PeerInfo> matches;
  };

  void Tell(const Endpoint& endpoint, const std::string& what);
  void TellEnd(const Endpoint& endpoint, const PeerInfo& peer);

  const LogSink sink_;
  std::map<uint64_t, Endpoint> endpoints_;
  uint64_t changes_ = 0;
};

}  // namespace holler

#endif  // HOLLER_MATCH_LOG_H_
