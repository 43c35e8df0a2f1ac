// The conversation with one other node over one connection: hello, topics, name cards.
// docs/discovery.md tells the protocol as a whole.
#ifndef HOLLER_SESSION_H_
#define HOLLER_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "holler/connection.h"
#include "holler/endpoint.h"
#include "holler/match_log.h"
#include "holler/name_card.h"
#include "holler/node_identity.h"
#include "holler/observation.h"
#include "holler/observer_feed.h"
#include "holler/registry.h"
#include "holler/topic_set.h"

namespace holler {

// Observers that a node serves at a time.
inline constexpr std::ptrdiff_t kMostObservers = 8;

// What sessions, and the other parts of discovery, need of the discovery that owns them.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  virtual const NodeIdentity& self() const = 0;
  virtual const Registry& registry() const = 0;
  virtual NodeStats& stats() = 0;
  virtual void LogOnce(LogSeverity severity, const std::string& line) = 0;
  // Only the first line about `what`: for lines that others can make differ.
  virtual void LogFirst(const std::string& what, LogSeverity severity, const std::string& line) = 0;
  virtual MatchLog& match_log() = 0;
  // Another node had no time, or a connection was lost: have others looked for again in `delay` ns.
  virtual void RetryAfter(int64_t delay) = 0;
  // Something here or there was exhausted: have Retry called, and others looked for, in a while.
  virtual void RetryLater() = 0;
  // Some subscribers of a local publisher, which waited for a place, have one now: tell them.
  virtual void Announce(uint64_t publisher,
                        const std::vector<PublisherEndpoint::Admitted>& admitted) = 0;
  // What this node notes down of others; null unless it is an observer.
  virtual Observation* observation() { return nullptr; }
};

// Thread safety: thread-compatible; discovery holds its lock.
// After any call returned an error, the session is of no use: Close and drop it.
class Session {
 public:
  // `expected` is the node this one connected to; empty on the accepting side.
  Session(SessionHost& host, std::unique_ptr<Connection> connection,
          std::optional<wire::NodeId> expected);

  // Says who this node is and which topics it has. The connecting side calls it first; the
  // accepting side, once it wants to go on after the peer's hello.
  absl::Status SendHello();
  // Takes the peer's hello. Errors: another ABI version, domain or node than expected.
  absl::Status OnHello(const wire::HelloT& hello);
  // Both hellos are done: cards may flow.
  absl::Status Establish();

  // Takes any later message.
  absl::Status OnCard(ReceivedCard card);

  // A message came without its fds, for which this process had no room: `why`. Has the peer send
  // it again later.
  absl::Status OnLostFds(const absl::Status& why);

  // Proposes and introduces again what failed for want of fds or memory, on either side.
  absl::Status Retry();

  // What this node tells of itself. To a peer that does not read it is put off, and told by CatchUp
  // as it is then: a peer that is only slow must not be dropped, as long as it holds samples.
  absl::Status CatchUp();
  // The local topics changed.
  absl::Status SendTopics();
  // Hands out the card of each local publisher the peer subscribes to and does not know yet. A
  // peer that does not read gets the rest when it does: cards that wait hold fds.
  absl::Status IntroducePublishers();
  // A local subscriber is new: match it with what the peer has introduced before.
  absl::Status Introduce(uint64_t id, SubscriberEndpoint* subscriber);
  // A local endpoint is going away.
  absl::Status SendGone(uint64_t endpoint);
  // A local publisher has entered a subscriber of the peer: tells it where it starts. From then on
  // they are matched.
  absl::Status Confirm(uint64_t publisher, uint64_t subscriber, JoinPoint join);

  // A subscriber of the peer has stalled a local publisher: tells both.
  absl::Status TellStalled(uint64_t publisher, uint64_t subscriber);

  // To a node, as an observer: asks what there is now.
  absl::Status SendObserve();
  // To an observer: tells it what is new, as far as it reads.
  absl::Status TellObserver();
  // Has it know that there are kMostObservers already.
  absl::Status RefuseObserver(uint64_t look);

  // Ends all matches with this peer.
  void Close();

  // Whether this node and the peer have any use for each other.
  bool HasCommonTopics() const;

  Connection& connection() { return *connection_; }
  bool initiated() const { return expected_.has_value(); }
  bool established() const { return established_; }
  // CLOCK_MONOTONIC, ns; 0: never.
  int64_t established_at() const { return established_at_; }
  // Whether the peer is an observer, by its word; and whether it is served.
  bool peer_observes() const { return peer_observes_; }
  bool is_observed() const { return feed_ != nullptr; }
  const std::optional<wire::NodeId>& expected() const { return expected_; }
  // Valid after OnHello. The peer as such has no topic.
  const wire::NodeId& peer_id() const { return peer_id_; }
  const PeerInfo& peer() const { return peer_; }

 private:
  // A publisher the peer has introduced, mapped once for all local subscribers.
  struct RemotePublisher {
    std::string topic;
    std::shared_ptr<const PeerSegment> segment;
  };

  absl::Status OnTopics(const wire::TopicsT& topics);
  absl::Status OnPublisherCard(const wire::PublisherCardT& card, std::vector<UniqueFd> fds);
  uint64_t MappedOfPeer() const;
  bool IsUnneeded(const wire::PublisherCardT& card);
  absl::Status OnSubscriberCard(const wire::SubscriberCardT& card, std::vector<UniqueFd> fds);
  absl::Status OnConfirmation(const wire::ConfirmationT& confirmation);
  absl::Status OnRefusal(const wire::RefusalT& refusal);
  absl::Status OnGone(const wire::GoneT& gone);
  absl::Status OnObserve(uint64_t look);
  absl::Status Propose(uint64_t publisher, const RemotePublisher& remote, uint64_t subscriber,
                       SubscriberEndpoint* endpoint);
  absl::Status SendGoneNow(uint64_t endpoint);
  absl::Status SendStalled(uint64_t publisher, uint64_t subscriber);
  absl::Status RetryLater(const absl::Status& why);
  absl::Status SendRefusal(bool by_publisher, uint64_t publisher, uint64_t subscriber,
                           wire::RefusalCode code, const absl::Status& why);
  void EndPublisher(uint64_t publisher);
  // The peer, as the endpoints of a topic are told of it.
  PeerInfo PeerOf(const std::string& topic) const;
  // "topic 'imu', node 'a' (pid 1) and node 'b' (pid 2) do not match: why"
  absl::Status Explain(const std::string& topic, const absl::Status& why,
                       const char* what = " do not match") const;
  void CountRefusal(const absl::Status& why);

  SessionHost& host_;
  const std::unique_ptr<Connection> connection_;
  const std::optional<wire::NodeId> expected_;
  bool established_ = false;
  int64_t established_at_ = 0;
  bool peer_observes_ = false;
  std::unique_ptr<ObserverFeed> feed_;  // Once it has asked.
  wire::NodeId peer_id_;
  PeerInfo peer_;
  TopicSet peer_publishes_;  // By the peer's last word.
  TopicSet peer_subscribes_;
  std::set<uint64_t> introduced_;  // Local publishers whose card was sent.
  std::set<uint64_t> proposed_;    // Local subscribers of which a card was sent.
  // Until the peer reads again.
  struct {
    bool topics = false;
    bool proposals = false;
    std::set<uint64_t> gone{};  // Endpoints.
    // Local publishers and the subscribers that stalled them: several times count as one.
    std::set<std::pair<uint64_t, uint64_t>> stalled{};
    // Topics of publishers whose cards came when nobody here subscribed, of which the peer had not
    // been told yet.
    std::set<uint64_t> ignored{};
  } put_off_;
  std::map<uint64_t, RemotePublisher> remote_publishers_;
  std::set<std::pair<uint64_t, uint64_t>> again_;  // Publisher and subscriber, for Retry.
};

}  // namespace holler

#endif  // HOLLER_SESSION_H_
