#include "holler/session.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "holler/clock.h"
#include "holler/doorbell.h"

namespace holler {
namespace {

// More publishers than a sane node has; keeps a hostile one from filling this process's memory.
constexpr size_t kMostRemotePublishers = 10'000;
// Likewise, of one topic: each costs two fds until it is confirmed, and one from then on.
constexpr std::ptrdiff_t kMostPerTopic = 256;

// Peers choose their names, and those in their schemas: no control characters in logs.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

wire::RefusalCode CodeOf(const absl::Status& status) {
  if (absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status)) {
    return wire::RefusalCode_Incompatible;
  }
  return wire::RefusalCode_Exhausted;
}

// What a peer handed over failed a check. InvalidArgument is for types that differ.
absl::Status Unusable(const absl::Status& why) {
  return absl::FailedPreconditionError(why.message());
}

// The other side's view of the same refusal.
absl::StatusCode StatusCodeOf(wire::RefusalCode code) {
  switch (code) {
    case wire::RefusalCode_Incompatible:
      return absl::StatusCode::kInvalidArgument;
    case wire::RefusalCode_Full:
      return absl::StatusCode::kUnavailable;
    case wire::RefusalCode_Exhausted:
      return absl::StatusCode::kResourceExhausted;
    case wire::RefusalCode_Stalled:
      return absl::StatusCode::kDeadlineExceeded;
    case wire::RefusalCode_Unusable:
      break;
  }
  return absl::StatusCode::kFailedPrecondition;
}

}  // namespace

Session::Session(SessionHost& host, std::unique_ptr<Connection> connection,
                 std::optional<wire::NodeId> expected)
    : host_(host), connection_(std::move(connection)), expected_(expected) {
  peer_.pid = connection_->peer().pid;
  peer_.uid = connection_->peer().uid;
  peer_.node_name.assign(1, '?');  // Until its hello.
}

absl::Status Session::SendHello() {
  wire::HelloT hello;
  hello.abi_version = kAbiVersion;
  hello.domain = host_.self().domain;
  hello.node = std::make_unique<wire::NodeId>(host_.self().id);
  hello.node_name = host_.self().name;
  hello.pid = ::getpid();
  hello.publishes = host_.registry().publishes();
  hello.subscribes = host_.registry().subscribes();
  hello.observes = host_.observation() != nullptr;
  return connection_->Send(EncodeCard(std::move(hello)));
}

absl::Status Session::OnHello(const wire::HelloT& hello) {
  peer_.node_name = Printable(hello.node_name);
  if (hello.abi_version != kAbiVersion) {
    ++host_.stats().refused_versions;
    return absl::FailedPreconditionError(absl::StrCat(
        "node '", peer_.node_name, "' (pid ", peer_.pid, ") has ABI version ", hello.abi_version,
        ", this program ", kAbiVersion, ": build both with the same version of Holler"));
  }
  if (hello.domain != host_.self().domain) {
    return absl::InvalidArgumentError(absl::StrCat("a hello of domain ", hello.domain));
  }
  if (*hello.node == host_.self().id || (expected_.has_value() && !(*hello.node == *expected_))) {
    return absl::InvalidArgumentError("a hello of another node than was called");
  }
  peer_id_ = *hello.node;
  peer_publishes_ = TopicSet(hello.publishes);
  peer_subscribes_ = TopicSet(hello.subscribes);
  peer_observes_ = hello.observes;
  if (peer_observes_ && !(peer_publishes_.empty() && peer_subscribes_.empty())) {
    return absl::InvalidArgumentError("an observer with topics");
  }
  return absl::OkStatus();
}

absl::Status Session::Establish() {
  established_ = true;
  established_at_ = MonotonicNow();
  if (host_.observation() != nullptr && !peer_observes_) {
    host_.observation()->Joined(peer_id_, peer_);
    return SendObserve();
  }
  return CatchUp();
}

bool Session::HasCommonTopics() const {
  const bool observes = host_.observation() != nullptr;
  if (observes || peer_observes_) return observes != peer_observes_;
  return host_.registry().HasCommonTopics(
      [&](uint64_t topic) { return peer_subscribes_.contains(topic); },
      [&](uint64_t topic) { return peer_publishes_.contains(topic); });
}

absl::Status Session::SendTopics() {
  if (peer_observes_) return absl::OkStatus();
  put_off_.topics = connection_->has_backlog();
  if (put_off_.topics) return absl::OkStatus();
  wire::TopicsT topics;
  topics.publishes = host_.registry().publishes();
  // Topics that were left and subscribed to again: the peer must hear of both, or it would not send
  // again what came in between.
  const std::set<uint64_t> ignored = std::exchange(put_off_.ignored, {});
  if (!ignored.empty()) {
    wire::TopicsT before = topics;
    std::copy_if(host_.registry().subscribes().begin(), host_.registry().subscribes().end(),
                 std::back_inserter(before.subscribes),
                 [&](uint64_t topic) { return !ignored.contains(topic); });
    absl::Status sent = connection_->Send(EncodeCard(std::move(before)));
    if (!sent.ok()) return sent;
  }
  topics.subscribes = host_.registry().subscribes();
  // What nobody here subscribes to any more, the peer will introduce again when it must.
  std::erase_if(remote_publishers_, [&](const auto& entry) {
    return !host_.registry().Subscribes(entry.second.topic);
  });
  return connection_->Send(EncodeCard(std::move(topics)));
}

absl::Status Session::IntroducePublishers() {
  for (const auto& [id, publisher] : host_.registry().publishers()) {
    if (connection_->has_backlog()) return absl::OkStatus();
    if (introduced_.contains(id) ||
        !peer_subscribes_.contains(host_.registry().TopicOfPublisher(id))) {
      continue;
    }
    wire::PublisherCardT card;
    card.publisher = id;
    card.topic = publisher->topic_name();
    card.type_name = std::string(publisher->topic().type_name);
    card.fingerprint = publisher->topic().fingerprint;
    absl::Status sent = connection_->Send(EncodeCard(std::move(card)), {publisher->segment_fd()});
    if (absl::IsUnavailable(sent)) return RetryLater(sent);
    if (!sent.ok()) return sent;
    introduced_.insert(id);
  }
  return absl::OkStatus();
}

absl::Status Session::Introduce(uint64_t id, SubscriberEndpoint* subscriber) {
  for (const auto& [publisher, remote] : remote_publishers_) {
    if (remote.topic != subscriber->topic_name()) continue;
    if (connection_->has_backlog()) {
      put_off_.proposals = true;
      return absl::OkStatus();
    }
    absl::Status status = Propose(publisher, remote, id, subscriber);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Session::SendGone(uint64_t endpoint) {
  if (peer_observes_) return absl::OkStatus();  // It is told in its turn: TellObserver.
  // Of others the peer knows nothing.
  if (introduced_.erase(endpoint) + proposed_.erase(endpoint) == 0) return absl::OkStatus();
  if (connection_->has_backlog()) {
    put_off_.gone.insert(endpoint);
    return absl::OkStatus();
  }
  return SendGoneNow(endpoint);
}

absl::Status Session::SendGoneNow(uint64_t endpoint) {
  wire::GoneT gone;
  gone.endpoint = endpoint;
  return connection_->Send(EncodeCard(std::move(gone)));
}

absl::Status Session::CatchUp() {
  while (!put_off_.gone.empty() && !connection_->has_backlog()) {
    absl::Status sent = SendGoneNow(put_off_.gone.extract(put_off_.gone.begin()).value());
    if (!sent.ok()) return sent;
  }
  while (!put_off_.stalled.empty() && !connection_->has_backlog()) {
    const auto [publisher, subscriber] = put_off_.stalled.extract(put_off_.stalled.begin()).value();
    absl::Status sent = SendStalled(publisher, subscriber);
    if (!sent.ok()) return sent;
  }
  if (put_off_.topics && !connection_->has_backlog()) {
    absl::Status sent = SendTopics();
    if (!sent.ok()) return sent;
  }
  if (put_off_.proposals && !connection_->has_backlog()) {
    put_off_.proposals = false;
    for (const auto& [id, subscriber] : host_.registry().subscribers()) {
      absl::Status sent = Introduce(id, subscriber);
      if (!sent.ok()) return sent;
    }
  }
  return IntroducePublishers();
}

absl::Status Session::RetryLater(const absl::Status& why) {
  ++host_.stats().exhausted;
  host_.LogOnce(LogSeverity::kError, std::string(why.message()));
  host_.RetryLater();
  return absl::OkStatus();
}

absl::Status Session::Confirm(uint64_t publisher, uint64_t subscriber, JoinPoint join) {
  wire::ConfirmationT confirmation;
  confirmation.publisher = publisher;
  confirmation.subscriber = subscriber;
  confirmation.start = join.start;
  confirmation.head = join.head;
  absl::Status sent = connection_->Send(EncodeCard(std::move(confirmation)));
  if (!sent.ok()) return sent;
  const EndpointKey key{peer_id_, subscriber};
  host_.registry().FindPublisher(publisher)->Confirmed(key);
  host_.match_log().Matched(publisher, key, peer_);
  return absl::OkStatus();
}

absl::Status Session::SendRefusal(bool by_publisher, uint64_t publisher, uint64_t subscriber,
                                  wire::RefusalCode code, const absl::Status& why) {
  wire::RefusalT refusal;
  refusal.by_publisher = by_publisher;
  refusal.publisher = publisher;
  refusal.subscriber = subscriber;
  refusal.code = code;
  refusal.reason = std::string(why.message()).substr(0, kReasonMax);
  return connection_->Send(EncodeCard(std::move(refusal)));
}

absl::Status Session::TellStalled(uint64_t publisher, uint64_t subscriber) {
  PublisherEndpoint* endpoint = host_.registry().FindPublisher(publisher);
  const absl::Status why = Explain(endpoint->topic_name(), endpoint->StalledStatus(), "");
  host_.LogOnce(LogSeverity::kWarning, std::string(why.message()));
  endpoint->Refused(PeerOf(endpoint->topic_name()), why);
  if (connection_->has_backlog()) {
    put_off_.stalled.emplace(publisher, subscriber);
    return absl::OkStatus();
  }
  return SendRefusal(true, publisher, subscriber, wire::RefusalCode_Stalled, why);
}

absl::Status Session::SendStalled(uint64_t publisher, uint64_t subscriber) {
  const PublisherEndpoint* endpoint = host_.registry().FindPublisher(publisher);
  if (endpoint == nullptr) return absl::OkStatus();
  return SendRefusal(true, publisher, subscriber, wire::RefusalCode_Stalled,
                     Explain(endpoint->topic_name(), endpoint->StalledStatus(), ""));
}

absl::Status Session::SendObserve() {
  if (peer_observes_ || connection_->has_backlog()) return absl::OkStatus();
  wire::ObserveT observe;
  observe.look = host_.observation()->look();
  return connection_->Send(EncodeCard(observe));
}

absl::Status Session::TellObserver() { return feed_ == nullptr ? absl::OkStatus() : feed_->Tell(); }

absl::Status Session::RefuseObserver(uint64_t look) {
  if (connection_->has_backlog()) return absl::OkStatus();
  wire::ObservedT observed;
  observed.look = look;
  observed.refused = true;
  return connection_->Send(EncodeCard(std::move(observed)));
}

absl::Status Session::OnObserve(uint64_t look) {
  if (!peer_observes_) return absl::InvalidArgumentError("a look of one that is no observer");
  if (feed_ == nullptr) {
    feed_ = std::make_unique<ObserverFeed>(host_.self(), host_.registry(), *connection_);
  }
  feed_->OnLook(look);
  return feed_->Tell();
}

absl::Status Session::OnCard(ReceivedCard card) {
  if (host_.observation() != nullptr) {
    if (card.envelope.message.type == wire::Message_Topics) return absl::OkStatus();
    return host_.observation()->OnCard(peer_id_, std::move(card));
  }
  const wire::MessageUnion& message = card.envelope.message;
  switch (message.type) {
    case wire::Message_Topics:
      return OnTopics(*message.AsTopics());
    case wire::Message_PublisherCard:
      return OnPublisherCard(*message.AsPublisherCard(), std::move(card.fds));
    case wire::Message_SubscriberCard:
      return OnSubscriberCard(*message.AsSubscriberCard(), std::move(card.fds));
    case wire::Message_Confirmation:
      return OnConfirmation(*message.AsConfirmation());
    case wire::Message_Refusal:
      return OnRefusal(*message.AsRefusal());
    case wire::Message_Gone:
      return OnGone(*message.AsGone());
    case wire::Message_Observe:
      return OnObserve(message.AsObserve()->look);
    case wire::Message_SubscriberReport:
    case wire::Message_MatchReport:
    case wire::Message_MatchEnd:
    case wire::Message_Observed:
      return absl::InvalidArgumentError("a card for observers");
    case wire::Message_Hello:
    case wire::Message_NONE:
      break;
  }
  return absl::InvalidArgumentError("a second hello");
}

absl::Status Session::OnLostFds(const absl::Status& why) {
  const wire::MessageUnion& message = connection_->lost().message;
  if (host_.observation() != nullptr) {  // Noted down without its memory.
    wire::EnvelopeT envelope;
    if (const auto* card = message.AsPublisherCard()) {
      envelope.message.Set(wire::PublisherCardT(*card));
    }
    return OnCard({.envelope = std::move(envelope), .fds = {}});
  }
  if (const wire::PublisherCardT* card = message.AsPublisherCard()) {
    if (IsUnneeded(*card)) return absl::OkStatus();
    return SendRefusal(false, card->publisher, 0, wire::RefusalCode_Exhausted,
                       Explain(card->topic, why));
  }
  const wire::SubscriberCardT* card = message.AsSubscriberCard();
  const PublisherEndpoint* publisher =
      card == nullptr ? nullptr : host_.registry().FindPublisher(card->publisher);
  if (publisher == nullptr) return absl::OkStatus();
  return SendRefusal(true, card->publisher, card->subscriber, wire::RefusalCode_Exhausted,
                     Explain(publisher->topic_name(), why));
}

absl::Status Session::Retry() {
  if (connection_->has_backlog()) {  // Each try may have something to say.
    if (!again_.empty()) host_.RetryLater();
    return absl::OkStatus();
  }
  for (const auto& [publisher, subscriber] : std::exchange(again_, {})) {
    const auto remote = remote_publishers_.find(publisher);
    SubscriberEndpoint* endpoint = host_.registry().FindSubscriber(subscriber);
    if (remote == remote_publishers_.end() || endpoint == nullptr ||
        endpoint->topic_name() != remote->second.topic) {
      continue;
    }
    absl::Status status = Propose(publisher, remote->second, subscriber, endpoint);
    if (!status.ok()) return status;
  }
  if (absl::Status told = TellObserver(); !told.ok()) return told;
  return CatchUp();
}

absl::Status Session::OnTopics(const wire::TopicsT& topics) {
  peer_publishes_ = TopicSet(topics.publishes);
  peer_subscribes_ = TopicSet(topics.subscribes);
  // The peer forgot the publishers of topics it left; it needs their cards when it comes back.
  std::erase_if(introduced_, [&](uint64_t id) {
    return host_.registry().FindPublisher(id) == nullptr ||
           !peer_subscribes_.contains(host_.registry().TopicOfPublisher(id));
  });
  return IntroducePublishers();
}

PeerInfo Session::PeerOf(const std::string& topic) const {
  PeerInfo peer = peer_;
  peer.topic = topic;
  return peer;
}

absl::Status Session::Explain(const std::string& topic, const absl::Status& why,
                              const char* what) const {
  return absl::Status(
      why.code(), absl::StrCat("topic '", topic, "', node '", host_.self().name, "' (pid ",
                               ::getpid(), ") and node '", peer_.node_name, "' (pid ", peer_.pid,
                               ")", what, ": ", Printable(std::string(why.message()))));
}

void Session::CountRefusal(const absl::Status& why) {
  ++host_.stats().refused_endpoints;
  if (absl::IsResourceExhausted(why)) ++host_.stats().exhausted;
  host_.LogOnce(LogSeverity::kWarning, std::string(why.message()));
}

// Not subscribed: the card crossed with the news that the last subscriber left. Known: it was asked
// for twice in quick succession.
bool Session::IsUnneeded(const wire::PublisherCardT& card) {
  if (host_.registry().Subscribes(card.topic)) return remote_publishers_.contains(card.publisher);
  // No honest peer has more topics.
  if (put_off_.topics && put_off_.ignored.size() < kMaxTopicsPerList) {
    put_off_.ignored.insert(TopicHash(card.topic));
  }
  return true;
}

uint64_t Session::MappedOfPeer() const {
  uint64_t bytes = 0;
  for (const auto& [id, remote] : remote_publishers_) {
    bytes += remote.segment->layout().segment_bytes;
  }
  return bytes;
}

absl::Status Session::OnPublisherCard(const wire::PublisherCardT& card, std::vector<UniqueFd> fds) {
  if (IsUnneeded(card)) return absl::OkStatus();
  const auto same_topic =
      std::count_if(remote_publishers_.begin(), remote_publishers_.end(),
                    [&](const auto& entry) { return entry.second.topic == card.topic; });
  if (same_topic >= kMostPerTopic || remote_publishers_.size() >= kMostRemotePublishers) {
    const absl::Status why = Explain(
        card.topic, absl::ResourceExhaustedError(absl::StrCat(
                        "one node is matched with at most ", kMostPerTopic,
                        " publishers of a topic in another: spread them over several nodes")));
    CountRefusal(why);
    return SendRefusal(false, card.publisher, 0, wire::RefusalCode_Unusable, why);
  }
  absl::StatusOr<std::shared_ptr<const PeerSegment>> segment =
      PeerSegment::Map(std::move(fds.front()));
  absl::Status status = segment.status();
  // One peer must not use up what all share.
  if (status.ok() && MappedOfPeer() + (*segment)->layout().segment_bytes > kMostMappedOfPeer) {
    status = absl::ResourceExhaustedError(
        absl::StrCat("segments of one node together would take more than ", kMostMappedOfPeer >> 30,
                     " GiB of addresses: lower depth, max_subscribers, max_samples or max_bytes of "
                     "large topics, or spread them over several nodes"));
  }
  if (status.ok() &&
      ((*segment)->topic_name() != card.topic || (*segment)->type_name() != card.type_name ||
       (*segment)->fingerprint() != card.fingerprint)) {
    status = absl::InvalidArgumentError("the publisher's segment contradicts its name card");
  }
  if (!status.ok()) {
    if (absl::IsInvalidArgument(status)) status = Unusable(status);
    const absl::Status why = Explain(card.topic, status);
    CountRefusal(why);
    for (const auto& [id, subscriber] : host_.registry().subscribers()) {
      if (subscriber->topic_name() == card.topic) subscriber->Refused(PeerOf(card.topic), why);
    }
    const auto code = absl::IsResourceExhausted(status) ? wire::RefusalCode_Exhausted
                                                        : wire::RefusalCode_Unusable;
    return SendRefusal(false, card.publisher, 0, code, why);
  }
  const auto [it, added] =
      remote_publishers_.emplace(card.publisher, RemotePublisher{card.topic, std::move(*segment)});
  for (const auto& [id, subscriber] : host_.registry().subscribers()) {
    if (subscriber->topic_name() != card.topic) continue;
    if (connection_->has_backlog()) {
      put_off_.proposals = true;
      break;
    }
    absl::Status sent = Propose(card.publisher, it->second, id, subscriber);
    if (!sent.ok()) return sent;
  }
  return absl::OkStatus();
}

absl::Status Session::Propose(uint64_t publisher, const RemotePublisher& remote,
                              uint64_t subscriber, SubscriberEndpoint* endpoint) {
  absl::StatusOr<SubscriberEndpoint::Offer> offer =
      endpoint->Propose({peer_id_, publisher}, PeerOf(remote.topic), remote.segment);
  if (absl::IsAlreadyExists(offer.status())) return absl::OkStatus();
  if (!offer.ok()) {
    const absl::Status why = Explain(remote.topic, offer.status());
    CountRefusal(why);
    endpoint->Refused(PeerOf(remote.topic), why);
    if (CodeOf(offer.status()) == wire::RefusalCode_Exhausted) {
      again_.emplace(publisher, subscriber);
      host_.RetryLater();
    }
    return SendRefusal(false, publisher, subscriber, CodeOf(offer.status()), why);
  }
  wire::SubscriberCardT card;
  card.subscriber = subscriber;
  card.publisher = publisher;
  absl::Status sent =
      connection_->Send(EncodeCard(std::move(card)), {offer->page_fd, offer->bell_fd});
  if (absl::IsUnavailable(sent)) {
    endpoint->End({peer_id_, publisher});
    again_.emplace(publisher, subscriber);
    return RetryLater(sent);
  }
  if (sent.ok()) proposed_.insert(subscriber);
  return sent;
}

absl::Status Session::OnSubscriberCard(const wire::SubscriberCardT& card,
                                       std::vector<UniqueFd> fds) {
  PublisherEndpoint* publisher = host_.registry().FindPublisher(card.publisher);
  // Its card crossed with the news that this publisher is gone.
  if (publisher == nullptr) return absl::OkStatus();
  absl::Status status = CheckBell(fds[1].get());
  absl::StatusOr<PeerPage> page = PeerPage::Map(std::move(fds[0]));
  if (status.ok()) status = page.status();
  wire::RefusalCode code =
      absl::IsResourceExhausted(status) ? wire::RefusalCode_Exhausted : wire::RefusalCode_Unusable;
  if (absl::IsInvalidArgument(status)) status = Unusable(status);
  if (status.ok()) {
    absl::StatusOr<std::optional<JoinPoint>> join =
        publisher->Admit({peer_id_, card.subscriber}, PeerOf(publisher->topic_name()),
                         std::move(*page), std::move(fds[1]));
    if (join.ok() && join->has_value()) {
      return Confirm(card.publisher, card.subscriber, **join);
    }
    // Said twice, or forged: the first one stands.
    if (absl::IsAlreadyExists(join.status())) {
      ++host_.stats().malformed;
      return absl::OkStatus();
    }
    code = join.ok() ? wire::RefusalCode_Full : wire::RefusalCode_Exhausted;
    status = join.ok() ? publisher->FullStatus() : join.status();
  }
  const absl::Status why = Explain(publisher->topic_name(), status);
  CountRefusal(why);
  publisher->Refused(PeerOf(publisher->topic_name()), why);
  return SendRefusal(true, card.publisher, card.subscriber, code, why);
}

absl::Status Session::OnConfirmation(const wire::ConfirmationT& confirmation) {
  SubscriberEndpoint* subscriber = host_.registry().FindSubscriber(confirmation.subscriber);
  if (subscriber == nullptr) {
    // Closed meanwhile. If samples of others are held still, the publisher was not told: it must
    // not keep the place.
    wire::GoneT gone;
    gone.endpoint = confirmation.subscriber;
    gone.publisher = confirmation.publisher;
    return connection_->Send(EncodeCard(std::move(gone)));
  }
  const EndpointKey publisher{peer_id_, confirmation.publisher};
  if (!subscriber->Confirm(publisher, {confirmation.start, confirmation.head})) {
    return absl::InvalidArgumentError("a confirmation of what was not proposed");
  }
  host_.match_log().Matched(confirmation.subscriber, publisher, peer_);
  return absl::OkStatus();
}

absl::Status Session::OnRefusal(const wire::RefusalT& refusal) {
  const absl::Status why(StatusCodeOf(refusal.code), Printable(refusal.reason));
  if (!refusal.by_publisher) {
    PublisherEndpoint* publisher = host_.registry().FindPublisher(refusal.publisher);
    if (publisher == nullptr || !introduced_.contains(refusal.publisher)) return absl::OkStatus();
    CountRefusal(why);
    publisher->Refused(PeerOf(publisher->topic_name()), why);
    // Not even its segment could be taken.
    if (refusal.code == wire::RefusalCode_Exhausted && refusal.subscriber == 0) {
      introduced_.erase(refusal.publisher);
      host_.RetryLater();
    }
    return absl::OkStatus();
  }
  SubscriberEndpoint* subscriber = host_.registry().FindSubscriber(refusal.subscriber);
  if (subscriber == nullptr || !remote_publishers_.contains(refusal.publisher)) {
    return absl::OkStatus();
  }
  if (refusal.code == wire::RefusalCode_Stalled) {  // They stay matched.
    host_.LogOnce(LogSeverity::kWarning, std::string(why.message()));
    subscriber->Stalled({peer_id_, refusal.publisher}, PeerOf(subscriber->topic_name()), why);
    return absl::OkStatus();
  }
  CountRefusal(why);
  subscriber->Refused(PeerOf(subscriber->topic_name()), why);
  // A full publisher confirms later.
  if (refusal.code != wire::RefusalCode_Full) {
    subscriber->End({peer_id_, refusal.publisher});
    host_.match_log().Ended(refusal.subscriber, {peer_id_, refusal.publisher});
  }
  if (refusal.code == wire::RefusalCode_Exhausted) {
    again_.emplace(refusal.publisher, refusal.subscriber);
    host_.RetryLater();
  }
  return absl::OkStatus();
}

absl::Status Session::OnGone(const wire::GoneT& gone) {
  const uint64_t endpoint = gone.endpoint;
  if (gone.publisher != 0) {
    host_.match_log().Ended(gone.publisher, {peer_id_, endpoint});
    PublisherEndpoint* publisher = host_.registry().FindPublisher(gone.publisher);
    if (publisher != nullptr) {
      host_.Announce(gone.publisher, publisher->Dismiss({peer_id_, endpoint}));
    }
    return absl::OkStatus();
  }
  host_.match_log().Gone({peer_id_, endpoint});
  if (remote_publishers_.contains(endpoint)) {
    EndPublisher(endpoint);
    remote_publishers_.erase(endpoint);
    std::erase_if(again_, [&](const auto& pair) { return pair.first == endpoint; });
    return absl::OkStatus();
  }
  for (const auto& [id, publisher] : host_.registry().publishers()) {
    host_.Announce(id, publisher->Dismiss({peer_id_, endpoint}));
  }
  return absl::OkStatus();
}

void Session::EndPublisher(uint64_t publisher) {
  for (const auto& [id, subscriber] : host_.registry().subscribers()) {
    subscriber->End({peer_id_, publisher});
  }
}

void Session::Close() {
  if (!established_) return;
  established_ = false;
  if (host_.observation() != nullptr && !peer_observes_) host_.observation()->Left(peer_id_);
  host_.match_log().NodeGone(peer_id_);
  for (const auto& [publisher, remote] : remote_publishers_) EndPublisher(publisher);
  remote_publishers_.clear();
  for (const auto& [id, publisher] : host_.registry().publishers()) {
    host_.Announce(id, publisher->DismissNode(peer_id_));
  }
}

}  // namespace holler
