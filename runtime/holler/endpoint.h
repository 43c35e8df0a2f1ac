// What discovery asks of publishers and subscribers. Discovery knows names, types and fds; what
// is in the memory is the endpoints' business.
#ifndef HOLLER_ENDPOINT_H_
#define HOLLER_ENDPOINT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "holler/name_card.h"
#include "holler/options.h"
#include "holler/peers.h"
#include "holler/segment.h"
#include "holler/unique_fd.h"

namespace holler {

// Names an endpoint of any node.
struct EndpointKey {
  wire::NodeId node;
  uint64_t endpoint = 0;

  friend bool operator<(const EndpointKey& a, const EndpointKey& b) {
    return a.node == b.node ? a.endpoint < b.endpoint : a.node < b.node;
  }
  friend bool operator==(const EndpointKey& a, const EndpointKey& b) {
    return a.endpoint == b.endpoint && a.node == b.node;
  }
};

// All calls come with discovery's lock held, so one at a time for all endpoints of a node.
class PublisherEndpoint {
 public:
  // A subscriber that got its turn after waiting for one, and where it starts.
  using Admitted = std::pair<EndpointKey, JoinPoint>;

  virtual ~PublisherEndpoint() = default;

  virtual const std::string& topic_name() const = 0;
  virtual const TopicInfo& topic() const = 0;
  virtual int segment_fd() const = 0;

  // A subscriber has mapped the segment and hands over its page. Enters it into the table, and
  // only then returns where it starts; or nothing if max_subscribers are matched:
  // then it is kept until one leaves. Errors: AlreadyExists; ResourceExhausted: too many wait.
  virtual absl::StatusOr<std::optional<JoinPoint>> Admit(const EndpointKey& subscriber,
                                                         const PeerInfo& peer, PeerPage page,
                                                         UniqueFd bell) = 0;
  // The subscriber was told where it starts: from now on it counts as matched. Not before, or a
  // publisher that publishes and dies at once would do so behind the back of a subscriber that
  // never learns where to start.
  virtual void Confirmed(const EndpointKey& subscriber) = 0;
  // Forgets one subscriber, or all of a node. Returns those that take their places.
  virtual std::vector<Admitted> Dismiss(const EndpointKey& subscriber) = 0;
  virtual std::vector<Admitted> DismissNode(const wire::NodeId& node) = 0;

  // Those that stalled since the last call: to be told so.
  virtual std::vector<EndpointKey> TakeStalled() = 0;
  // What both sides are told then.
  virtual absl::Status StalledStatus() const = 0;

  // Those that are matched at present.
  virtual std::vector<std::pair<EndpointKey, SubscriberPeer>> matches() const = 0;

  // A subscriber of this topic cannot be matched, or has stalled.
  virtual void Refused(const PeerInfo& peer, const absl::Status& why) = 0;

  // What a subscriber is told that has to wait for a place.
  absl::Status FullStatus() const {
    return absl::UnavailableError(absl::StrCat(
        "max_subscribers = ", topic().layout.max_subscribers,
        " subscribers are matched already; this one waits until one leaves. To admit more, raise "
        "max_subscribers in the publisher's schema"));
  }
};

class SubscriberEndpoint {
 public:
  // Borrowed: valid until the next call to this endpoint.
  struct Offer {
    int page_fd;
    int bell_fd;
  };

  virtual ~SubscriberEndpoint() = default;

  virtual const std::string& topic_name() const = 0;
  virtual std::string_view type_name() const = 0;
  // Over all publishers there ever were. Unlike the rest, by any thread.
  virtual SubscriberCounters counters() const = 0;

  // Makes ready to read `segment`. Errors: AlreadyExists: it was proposed before; InvalidArgument:
  // the types differ; ResourceExhausted and others: out of fds or memory.
  virtual absl::StatusOr<Offer> Propose(const EndpointKey& publisher, const PeerInfo& peer,
                                        std::shared_ptr<const PeerSegment> segment) = 0;
  // The publisher has entered the page. False: there was no such proposal.
  virtual bool Confirm(const EndpointKey& publisher, JoinPoint join) = 0;
  // The publisher is gone, or has refused. What it had published can still be taken.
  virtual void End(const EndpointKey& publisher) = 0;

  // A publisher of this topic cannot be matched.
  virtual void Refused(const PeerInfo& peer, const absl::Status& why) = 0;
  // A reliable publisher does not wait for this subscriber any more, until it takes again.
  virtual void Stalled(const EndpointKey& publisher, const PeerInfo& peer,
                       const absl::Status& why) = 0;

  // The user has closed the subscriber, with samples held: no publisher is to wait for it.
  virtual void TakeNoMore() = 0;
  // Whether the user holds samples. Asked only after TakeNoMore.
  virtual bool holds_samples() = 0;
};

}  // namespace holler

#endif  // HOLLER_ENDPOINT_H_
