#include "holler/local_matcher.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "holler/segment.h"
#include "holler/system_error.h"
#include "holler/unique_fd.h"

namespace holler {

// Whether they are matched now; if not, the subscriber waits for a place.
absl::StatusOr<bool> LocalMatcher::TryMatch(uint64_t publisher_id, PublisherEndpoint& publisher,
                                            uint64_t subscriber_id, SubscriberEndpoint& subscriber,
                                            const PeerInfo& peer) {
  UniqueFd fd(::fcntl(publisher.segment_fd(), F_DUPFD_CLOEXEC, 0));
  if (!fd) return SystemError(errno, "duplicating the segment's fd");
  absl::StatusOr<std::shared_ptr<const PeerSegment>> segment = PeerSegment::Map(std::move(fd));
  if (!segment.ok()) return segment.status();
  absl::StatusOr<SubscriberEndpoint::Offer> offer =
      subscriber.Propose(KeyOf(publisher_id), peer, std::move(*segment));
  if (!offer.ok()) return offer.status();
  UniqueFd page_fd(::fcntl(offer->page_fd, F_DUPFD_CLOEXEC, 0));
  UniqueFd bell(::fcntl(offer->bell_fd, F_DUPFD_CLOEXEC, 0));
  if (!page_fd || !bell) return SystemError(errno, "duplicating a subscriber's fds");
  absl::StatusOr<PeerPage> page = PeerPage::Map(std::move(page_fd));
  if (!page.ok()) return page.status();
  absl::StatusOr<std::optional<JoinPoint>> join =
      publisher.Admit(KeyOf(subscriber_id), peer, std::move(*page), std::move(bell));
  if (!join.ok()) return join.status();
  if (!join->has_value()) return false;
  Confirm(publisher_id, subscriber_id, **join);
  return true;
}

void LocalMatcher::Match(uint64_t publisher_id, uint64_t subscriber_id) {
  PublisherEndpoint* publisher = host_.registry().FindPublisher(publisher_id);
  SubscriberEndpoint* subscriber = host_.registry().FindSubscriber(subscriber_id);
  if (publisher == nullptr || subscriber == nullptr) return;
  const PeerInfo peer = SelfOf(publisher->topic_name());
  const absl::StatusOr<bool> matched =
      TryMatch(publisher_id, *publisher, subscriber_id, *subscriber, peer);
  if ((matched.ok() && *matched) || absl::IsAlreadyExists(matched.status())) return;
  const bool waits = matched.ok();  // Not the end of it.
  if (!waits) subscriber->End(KeyOf(publisher_id));
  const absl::Status status = waits ? publisher->FullStatus() : matched.status();
  const absl::Status why(status.code(),
                         absl::StrCat("topic '", publisher->topic_name(), "' within node '",
                                      peer.node_name, "': ", std::string(status.message())));
  ++host_.stats().refused_endpoints;
  if (!waits && !absl::IsInvalidArgument(why)) {  // Out of fds or memory: that passes.
    ++host_.stats().exhausted;
    again_.emplace(publisher_id, subscriber_id);
    host_.RetryLater();
  }
  host_.LogOnce(LogSeverity::kWarning, std::string(why.message()));
  subscriber->Refused(peer, why);
  publisher->Refused(peer, why);
}

void LocalMatcher::Confirm(uint64_t publisher_id, uint64_t subscriber_id, JoinPoint join) {
  PublisherEndpoint* publisher = host_.registry().FindPublisher(publisher_id);
  SubscriberEndpoint* subscriber = host_.registry().FindSubscriber(subscriber_id);
  if (subscriber ==
      nullptr) {  // Closed while it waited for its place, with samples of others held.
    host_.Announce(publisher_id, publisher->Dismiss(KeyOf(subscriber_id)));
    return;
  }
  if (!subscriber->Confirm(KeyOf(publisher_id), join)) return;
  publisher->Confirmed(KeyOf(subscriber_id));
  const PeerInfo peer = SelfOf(publisher->topic_name());
  host_.match_log().Matched(publisher_id, KeyOf(subscriber_id), peer);
  host_.match_log().Matched(subscriber_id, KeyOf(publisher_id), peer);
}

void LocalMatcher::TellStalled(uint64_t publisher_id, uint64_t subscriber_id) {
  PublisherEndpoint* publisher = host_.registry().FindPublisher(publisher_id);
  SubscriberEndpoint* subscriber = host_.registry().FindSubscriber(subscriber_id);
  if (publisher == nullptr || subscriber == nullptr) return;
  const PeerInfo peer = SelfOf(publisher->topic_name());
  const absl::Status status = publisher->StalledStatus();
  const absl::Status why(status.code(),
                         absl::StrCat("topic '", publisher->topic_name(), "' within node '",
                                      peer.node_name, "': ", std::string(status.message())));
  host_.LogOnce(LogSeverity::kWarning, std::string(why.message()));
  subscriber->Stalled(KeyOf(publisher_id), peer, why);
  publisher->Refused(peer, why);
}

PeerInfo LocalMatcher::SelfOf(const std::string& topic) const {
  return {host_.self().name, ::getpid(), host_.self().uid, topic};
}

void LocalMatcher::Retry() {
  for (const auto& [publisher, subscriber] : std::exchange(again_, {})) {
    Match(publisher, subscriber);
  }
}

}  // namespace holler
