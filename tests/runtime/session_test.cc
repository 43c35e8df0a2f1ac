// One side of the conversation between two nodes, against a script.
#include "holler/session.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "session_support.h"

namespace holler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SessionTest : public testing::Test {
 protected:
  static constexpr uint64_t kPublisher = 10;   // Here.
  static constexpr uint64_t kSubscriber = 11;  // Here.
  static constexpr uint64_t kTheirs = 77;      // An endpoint of the peer.

  void SetUp() override {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    peer_ = std::move(*Connection::Adopt(UniqueFd(ends[0])));
    auto own = Connection::Adopt(UniqueFd(ends[1]));
    session_ = std::make_unique<Session>(host_, std::move(*own), std::nullopt);
  }

  wire::HelloT PeersHello() {
    wire::HelloT hello;
    hello.abi_version = kAbiVersion;
    hello.domain = 3;
    hello.node = std::make_unique<wire::NodeId>(2, 2);
    hello.node_name = "peer";
    hello.publishes = {TopicHash("test/segment")};
    hello.subscribes = {TopicHash("test/segment")};
    return hello;
  }
  // Both hellos are done; what was sent by then is read.
  void Establish() {
    ASSERT_TRUE(session_->OnHello(PeersHello()).ok());
    ASSERT_TRUE(session_->Establish().ok());
  }

  // Has the peer send a card, and the session take it.
  template <typename Card>
  absl::Status Deliver(Card card, const std::vector<int>& fds = {}) {
    if (!peer_->Send(EncodeCard(std::move(card)), fds).ok()) return absl::UnknownError("send");
    auto received = session_->connection().Receive(buffer_.get());
    if (!received.ok()) return received.status();
    return session_->OnCard(std::move(*received));
  }
  // The next card the session has sent; empty if there is none.
  wire::EnvelopeT Sent() {
    auto received = peer_->Receive(buffer_.get());
    return received.ok() ? std::move(received->envelope) : wire::EnvelopeT();
  }

  absl::Status DeliverPublisherCard(const std::string& type_name = "test.Segment") {
    wire::PublisherCardT card;
    card.publisher = kTheirs;
    card.topic = "test/segment";
    card.type_name = type_name;
    card.fingerprint = TestTopic().fingerprint;
    return Deliver(std::move(card), {their_segment_.fd()});
  }
  absl::Status DeliverSubscriberCard(int page, int bell) {
    wire::SubscriberCardT card;
    card.subscriber = kTheirs;
    card.publisher = kPublisher;
    return Deliver(card, {page, bell});
  }
  absl::Status DeliverTopics(bool subscribes) {
    wire::TopicsT topics;
    if (subscribes) topics.subscribes = {TopicHash("test/segment")};
    return Deliver(std::move(topics));
  }

  Notes notes_;
  FakeHost host_;
  FakePublisher publisher_{notes_};
  FakeSubscriber subscriber_{notes_};
  const Segment their_segment_ = std::move(*Segment::Create(TestTopic()));
  const OwnPage their_page_ = std::move(*OwnPage::Create(2));
  Doorbell their_doorbell_ = std::move(*Doorbell::Create());
  const Bell their_bell_ = std::move(*their_doorbell_.AddBell());
  std::unique_ptr<Connection> peer_;
  std::unique_ptr<Session> session_;
  const std::unique_ptr<char[]> buffer_{new char[kMaxMessageBytes]};
};

TEST_F(SessionTest, SaysHello) {
  host_.endpoints.Add(kPublisher, &publisher_);
  ASSERT_TRUE(session_->SendHello().ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Hello);
  EXPECT_EQ(card.message.AsHello()->abi_version, kAbiVersion);
  EXPECT_EQ(card.message.AsHello()->domain, 3u);
  EXPECT_EQ(card.message.AsHello()->node_name, "host");
  EXPECT_EQ(card.message.AsHello()->pid, ::getpid());
  EXPECT_EQ(*card.message.AsHello()->node, wire::NodeId(1, 1));
  EXPECT_THAT(card.message.AsHello()->publishes, ElementsAre(TopicHash("test/segment")));
  EXPECT_THAT(card.message.AsHello()->subscribes, IsEmpty());
}

TEST_F(SessionTest, RefusesHellosOfOthers) {
  wire::HelloT hello = PeersHello();
  hello.domain = 4;
  EXPECT_TRUE(absl::IsInvalidArgument(session_->OnHello(hello)));
  hello = PeersHello();
  *hello.node = wire::NodeId(1, 1);
  EXPECT_TRUE(absl::IsInvalidArgument(session_->OnHello(hello))) << "with our own id";
  hello = PeersHello();
  hello.abi_version = kAbiVersion + 1;
  const absl::Status version = session_->OnHello(hello);
  EXPECT_TRUE(absl::IsFailedPrecondition(version));
  EXPECT_THAT(std::string(version.message()), HasSubstr("'peer'"));
  EXPECT_EQ(host_.counts.refused_versions, 1u);
}

TEST_F(SessionTest, NamesOfPeersArePrintable) {
  wire::HelloT hello = PeersHello();
  hello.node_name = "a\n\x1b[31mb";
  ASSERT_TRUE(session_->OnHello(hello).ok());
  EXPECT_EQ(session_->peer().node_name, "a??[31mb");
}

TEST_F(SessionTest, IntroducesPublishersThePeerSubscribesTo) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_PublisherCard);
  EXPECT_EQ(card.message.AsPublisherCard()->publisher, kPublisher);
  EXPECT_EQ(card.message.AsPublisherCard()->topic, "test/segment");
  EXPECT_EQ(card.message.AsPublisherCard()->fingerprint, TestTopic().fingerprint);
  ASSERT_TRUE(session_->IntroducePublishers().ok());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE) << "once is enough";
}

TEST_F(SessionTest, IntroducesThemAgainWhenThePeerComesBack) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  Sent();
  ASSERT_TRUE(DeliverTopics(true).ok());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);
  ASSERT_TRUE(DeliverTopics(false).ok());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);
  ASSERT_TRUE(DeliverTopics(true).ok());
  EXPECT_EQ(Sent().message.type, wire::Message_PublisherCard);
}

TEST_F(SessionTest, MatchesASubscriberHere) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_SubscriberCard);
  EXPECT_EQ(card.message.AsSubscriberCard()->publisher, kTheirs);
  EXPECT_EQ(card.message.AsSubscriberCard()->subscriber, kSubscriber);
  wire::ConfirmationT confirmation;
  confirmation.publisher = kTheirs;
  confirmation.subscriber = kSubscriber;
  confirmation.start = 5;
  ASSERT_TRUE(Deliver(confirmation).ok());
  EXPECT_THAT(notes_, ElementsAre("propose 77", "confirm 77 at 5"));
}

TEST_F(SessionTest, KnowsAPublisherOnce) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  ASSERT_TRUE(DeliverPublisherCard().ok());
  EXPECT_THAT(notes_, ElementsAre("propose 77"));
}

TEST_F(SessionTest, IgnoresCardsNobodyHereWants) {
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  ASSERT_TRUE(DeliverSubscriberCard(their_page_.fd(), their_bell_.pull.get()).ok());
  wire::GoneT gone;
  gone.endpoint = 5;
  ASSERT_TRUE(Deliver(gone).ok());
  gone.publisher = 6;
  ASSERT_TRUE(Deliver(gone).ok());
  ASSERT_TRUE(Deliver(wire::RefusalT()).ok());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);
  EXPECT_THAT(notes_, IsEmpty());
}

TEST_F(SessionTest, ALateSubscriberMeetsKnownPublishers) {
  FakeSubscriber second(notes_);
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  Sent();
  host_.endpoints.Add(12, &second);
  ASSERT_TRUE(session_->Introduce(12, &second).ok());
  EXPECT_EQ(Sent().message.AsSubscriberCard()->subscriber, 12u);
}

TEST_F(SessionTest, ACardThatContradictsItsSegmentIsRefused) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard("test.Other").ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Refusal);
  EXPECT_EQ(card.message.AsRefusal()->code, wire::RefusalCode_Unusable);
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_THAT(notes_[0], HasSubstr("contradicts its name card"));
  EXPECT_THAT(notes_[0], HasSubstr("'host'"));
  EXPECT_THAT(notes_[0], HasSubstr("'peer'"));
  EXPECT_EQ(host_.log.size(), 1u);
}

TEST_F(SessionTest, RefusalsAreToldAndLogged) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  subscriber_.answer = absl::InvalidArgumentError("types\x1b[31m differ");
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Refusal);
  EXPECT_EQ(card.message.AsRefusal()->code, wire::RefusalCode_Incompatible);
  EXPECT_EQ(host_.retries, 0) << "it would not help";
  ASSERT_EQ(host_.log.size(), 1u);
  EXPECT_THAT(host_.log[0], HasSubstr("topic 'test/segment'"));
  EXPECT_THAT(host_.log[0], testing::Not(HasSubstr("\x1b"))) << "what a terminal obeys";
}

TEST_F(SessionTest, WhatWasExhaustedIsTriedAgain) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  subscriber_.answer = absl::ResourceExhaustedError("no fds");
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  EXPECT_EQ(Sent().message.AsRefusal()->code, wire::RefusalCode_Exhausted);
  EXPECT_EQ(host_.retries, 1);
  subscriber_.answer = absl::OkStatus();
  ASSERT_TRUE(session_->Retry().ok());
  EXPECT_EQ(Sent().message.type, wire::Message_SubscriberCard);
}

TEST_F(SessionTest, WhatMatchedMeanwhileIsNotTriedAgain) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  subscriber_.answer = absl::ResourceExhaustedError("no fds");
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  Sent();
  subscriber_.answer = absl::AlreadyExistsError("proposed by another path");
  ASSERT_TRUE(session_->Retry().ok());
  EXPECT_EQ(host_.counts.refused_endpoints, 1u) << "only the first time";
  ASSERT_TRUE(session_->SendTopics().ok());
  EXPECT_EQ(Sent().message.type, wire::Message_Topics) << "nothing was sent before it";
}

TEST_F(SessionTest, OfEndpointsThePeerDoesNotKnowItHearsNothing) {
  Establish();
  ASSERT_TRUE(session_->SendGone(5).ok());
  ASSERT_TRUE(session_->SendTopics().ok());
  EXPECT_EQ(Sent().message.type, wire::Message_Topics);
}

// A peer that is stopped may hold samples: whatever goes on meanwhile, it must not be dropped.
TEST_F(SessionTest, APeerThatDoesNotReadIsToldTheOutcomeLater) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  EXPECT_EQ(Sent().message.type, wire::Message_PublisherCard);
  while (!session_->connection().has_backlog()) ASSERT_TRUE(session_->SendTopics().ok());
  for (int i = 0; i < 10'000; ++i) {
    host_.endpoints.Add(kSubscriber, &subscriber_);
    ASSERT_TRUE(session_->SendTopics().ok()) << i;
    ASSERT_TRUE(session_->Introduce(kSubscriber, &subscriber_).ok()) << i;
    host_.endpoints.Remove(kSubscriber);
    ASSERT_TRUE(session_->SendGone(kSubscriber).ok()) << i;
    ASSERT_TRUE(session_->SendTopics().ok()) << i;
  }
  host_.endpoints.Remove(kPublisher);
  ASSERT_TRUE(session_->SendGone(kPublisher).ok());
  ASSERT_TRUE(session_->SendTopics().ok());
  std::vector<wire::Message> told;
  wire::EnvelopeT last_topics;
  for (auto card = Sent(); card.message.type != wire::Message_NONE; card = Sent()) {
    told.push_back(card.message.type);
    if (card.message.type == wire::Message_Topics) last_topics = std::move(card);
    ASSERT_TRUE(session_->connection().Flush().ok());
    ASSERT_TRUE(session_->CatchUp().ok());
  }
  EXPECT_EQ(std::count(told.begin(), told.end(), wire::Message_Gone), 1);
  EXPECT_TRUE(last_topics.message.AsTopics()->publishes.empty()) << "as it is now";
  EXPECT_LT(told.size(), 5'000u);
}

TEST_F(SessionTest, StallsOfAPeerThatDoesNotReadAreToldOnce) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  while (!session_->connection().has_backlog()) ASSERT_TRUE(session_->SendTopics().ok());
  for (int i = 0; i < 30'000; ++i) {
    ASSERT_TRUE(session_->TellStalled(kPublisher, kTheirs).ok()) << i;
  }
  EXPECT_EQ(std::count(notes_.begin(), notes_.end(), notes_.back()), 30'000) << "here it counts";
  int told = 0;
  for (auto card = Sent(); card.message.type != wire::Message_NONE; card = Sent()) {
    if (const auto* refusal = card.message.AsRefusal()) {
      EXPECT_EQ(refusal->code, wire::RefusalCode_Stalled);
      EXPECT_EQ(refusal->subscriber, kTheirs);
      ++told;
    }
    ASSERT_TRUE(session_->connection().Flush().ok());
    ASSERT_TRUE(session_->CatchUp().ok());
  }
  EXPECT_EQ(told, 1);
}

// The peer thinks still that this node subscribes; so it would not send the card again.
TEST_F(SessionTest, ACardThatCameWhileItsTopicWasLeftComesAgain) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  while (!session_->connection().has_backlog()) ASSERT_TRUE(session_->SendTopics().ok());
  host_.endpoints.Remove(kSubscriber);
  ASSERT_TRUE(session_->SendTopics().ok());
  ASSERT_TRUE(DeliverPublisherCard().ok());
  host_.endpoints.Add(kSubscriber, &subscriber_);
  ASSERT_TRUE(session_->SendTopics().ok());
  std::vector<size_t> subscribed;
  for (auto card = Sent(); card.message.type != wire::Message_NONE; card = Sent()) {
    if (const auto* topics = card.message.AsTopics()) {
      subscribed.push_back(topics->subscribes.size());
    }
    ASSERT_TRUE(session_->connection().Flush().ok());
    ASSERT_TRUE(session_->CatchUp().ok());
  }
  // One at last, and none before it: so the peer hears that the topic was left.
  ASSERT_GE(subscribed.size(), 3u);
  EXPECT_EQ(subscribed.back(), 1u);
  EXPECT_EQ(subscribed[subscribed.size() - 2], 0u);
  EXPECT_EQ(subscribed[subscribed.size() - 3], 1u);
}

TEST_F(SessionTest, APlaceForASubscriberThatIsClosedIsGivenBack) {
  Establish();
  wire::ConfirmationT confirmation;
  confirmation.publisher = kTheirs;
  confirmation.subscriber = kSubscriber;
  ASSERT_TRUE(Deliver(std::move(confirmation)).ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Gone);
  EXPECT_EQ(card.message.AsGone()->endpoint, kSubscriber);
  EXPECT_EQ(card.message.AsGone()->publisher, kTheirs);
}

TEST_F(SessionTest, APlaceThatIsGivenBackIsFree) {
  FakePublisher other(notes_);
  host_.endpoints.Add(kPublisher, &publisher_);
  host_.endpoints.Add(12, &other);
  Establish();
  wire::GoneT gone;
  gone.endpoint = kTheirs;
  gone.publisher = kPublisher;
  ASSERT_TRUE(Deliver(gone).ok());
  EXPECT_THAT(notes_, ElementsAre("dismiss 77"));
}

TEST_F(SessionTest, AdmitsASubscriberThere) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  Sent();
  ASSERT_TRUE(DeliverSubscriberCard(their_page_.fd(), their_bell_.pull.get()).ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Confirmation);
  EXPECT_EQ(card.message.AsConfirmation()->start, 41u);
  EXPECT_THAT(notes_, ElementsAre("admit 77", "confirmed 77"));
}

TEST_F(SessionTest, SaysThatAPublisherIsFull) {
  host_.endpoints.Add(kPublisher, &publisher_);
  publisher_.answer = std::optional<JoinPoint>();
  Establish();
  Sent();
  ASSERT_TRUE(DeliverSubscriberCard(their_page_.fd(), their_bell_.pull.get()).ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Refusal);
  EXPECT_TRUE(card.message.AsRefusal()->by_publisher);
  EXPECT_EQ(card.message.AsRefusal()->code, wire::RefusalCode_Full);
  EXPECT_THAT(card.message.AsRefusal()->reason, HasSubstr("max_subscribers = 2"));
}

TEST_F(SessionTest, RefusesPagesAndBellsThatAreNone) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  Sent();
  const UniqueFd eventfd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const std::pair<int, int> pairs[] = {{their_page_.fd(), their_page_.fd()},
                                       {their_page_.fd(), eventfd.get()},
                                       {their_bell_.pull.get(), their_bell_.pull.get()},
                                       {their_segment_.fd(), their_bell_.pull.get()}};
  for (const auto& [page, bell] : pairs) {
    ASSERT_TRUE(DeliverSubscriberCard(page, bell).ok()) << "the connection lives on";
    EXPECT_EQ(Sent().message.AsRefusal()->code, wire::RefusalCode_Unusable);
  }
  for (const std::string& note : notes_) EXPECT_THAT(note, HasSubstr("publisher refused"));
}

TEST_F(SessionTest, AFullPublisherMayConfirmLater) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  wire::RefusalT refusal;
  refusal.by_publisher = true;
  refusal.publisher = kTheirs;
  refusal.subscriber = kSubscriber;
  refusal.code = wire::RefusalCode_Full;
  refusal.reason = "full\n";
  ASSERT_TRUE(Deliver(refusal).ok());
  EXPECT_THAT(notes_, ElementsAre("propose 77", "subscriber refused: full?"));
  refusal.code = wire::RefusalCode_Unusable;
  ASSERT_TRUE(Deliver(refusal).ok());
  EXPECT_EQ(notes_.back(), "end 77");
}

// A subscriber that stalls stays matched.
TEST_F(SessionTest, WhoStallsIsToldAndStays) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  wire::RefusalT refusal;
  refusal.by_publisher = true;
  refusal.publisher = kTheirs;
  refusal.subscriber = kSubscriber;
  refusal.code = wire::RefusalCode_Stalled;
  refusal.reason = "asleep";
  ASSERT_TRUE(Deliver(refusal).ok());
  EXPECT_THAT(notes_, ElementsAre("propose 77", "subscriber stalled 77: asleep"));
  EXPECT_EQ(host_.counts.refused_endpoints, 0u);
}

TEST_F(SessionTest, TellsBothThatASubscriberStalls) {
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  Sent();
  ASSERT_TRUE(session_->TellStalled(kPublisher, kTheirs).ok());
  const wire::EnvelopeT card = Sent();
  ASSERT_EQ(card.message.type, wire::Message_Refusal);
  EXPECT_TRUE(card.message.AsRefusal()->by_publisher);
  EXPECT_EQ(card.message.AsRefusal()->subscriber, kTheirs);
  EXPECT_EQ(card.message.AsRefusal()->code, wire::RefusalCode_Stalled);
  EXPECT_THAT(card.message.AsRefusal()->reason, HasSubstr("stalled"));
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("publisher refused: topic 'test/segment'")));
}

TEST_F(SessionTest, ConfirmationsOfNothingEndTheSession) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  subscriber_.known = false;
  Establish();
  wire::ConfirmationT confirmation;
  confirmation.publisher = kTheirs;
  confirmation.subscriber = kSubscriber;
  EXPECT_TRUE(absl::IsInvalidArgument(Deliver(confirmation)));
}

TEST_F(SessionTest, ASecondHelloEndsTheSession) {
  Establish();
  EXPECT_TRUE(absl::IsInvalidArgument(Deliver(PeersHello())));
}

TEST_F(SessionTest, EndpointsThatGoAreForgotten) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  wire::GoneT gone;
  gone.endpoint = kTheirs;
  ASSERT_TRUE(Deliver(gone).ok());
  ASSERT_TRUE(Deliver(gone).ok());
  EXPECT_THAT(notes_, ElementsAre("propose 77", "end 77", "dismiss 77"));
  ASSERT_TRUE(DeliverPublisherCard().ok()) << "and may come again";
  EXPECT_EQ(notes_.back(), "propose 77");
}

TEST_F(SessionTest, ClosingEndsAllMatches) {
  host_.endpoints.Add(kSubscriber, &subscriber_);
  host_.endpoints.Add(kPublisher, &publisher_);
  Establish();
  ASSERT_TRUE(DeliverPublisherCard().ok());
  session_->Close();
  session_->Close();
  EXPECT_THAT(notes_, ElementsAre("propose 77", "end 77", "dismiss node"));
}

// ---- Observers ----

class ObservedSessionTest : public SessionTest {
 protected:
  void EstablishWithObserver() {
    wire::HelloT hello = PeersHello();
    hello.publishes.clear();
    hello.subscribes.clear();
    hello.observes = true;
    ASSERT_TRUE(session_->OnHello(hello).ok());
    ASSERT_TRUE(session_->Establish().ok());
  }
};

TEST_F(ObservedSessionTest, AnObserverIsOfUseWithoutTopics) {
  EstablishWithObserver();
  EXPECT_TRUE(session_->peer_observes());
  EXPECT_TRUE(session_->HasCommonTopics());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);  // Nothing before it asks.
  // News that are for peers only.
  ASSERT_TRUE(session_->SendTopics().ok());
  ASSERT_TRUE(session_->SendGone(5).ok());
  ASSERT_TRUE(session_->TellObserver().ok());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);
}

TEST_F(ObservedSessionTest, ALookIsAnswered) {
  EstablishWithObserver();
  wire::ObserveT observe;
  observe.look = 3;
  ASSERT_TRUE(Deliver(observe).ok());
  EXPECT_TRUE(session_->is_observed());
  wire::EnvelopeT card = Sent();
  while (card.message.type != wire::Message_NONE && card.message.type != wire::Message_Observed) {
    card = Sent();
  }
  ASSERT_EQ(card.message.type, wire::Message_Observed);
  EXPECT_EQ(card.message.AsObserved()->look, 3u);
}

TEST_F(ObservedSessionTest, OnlyObserversMayLook) {
  Establish();
  EXPECT_TRUE(absl::IsInvalidArgument(Deliver(wire::ObserveT())));
}

TEST_F(ObservedSessionTest, AnObserverHasNoTopics) {
  wire::HelloT hello = PeersHello();
  hello.observes = true;
  EXPECT_TRUE(absl::IsInvalidArgument(session_->OnHello(hello)));
}

TEST_F(ObservedSessionTest, AnObserverAsksAndNotesDown) {
  host_.notes = std::make_unique<Observation>();
  host_.notes->StartLook();
  Establish();
  const wire::EnvelopeT asked = Sent();
  ASSERT_EQ(asked.message.type, wire::Message_Observe);
  EXPECT_EQ(asked.message.AsObserve()->look, 1u);
  ASSERT_TRUE(DeliverPublisherCard().ok());
  wire::ObservedT observed;
  observed.look = 1;
  ASSERT_TRUE(Deliver(std::move(observed)).ok());
  ASSERT_TRUE(host_.notes->IsAnswered());
  EXPECT_EQ(host_.notes->Snapshot().nodes.at(0).publishers.size(), 1u);
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);  // It subscribes to nothing.
  session_->Close();
  EXPECT_TRUE(host_.notes->Snapshot().nodes.empty());
}

TEST_F(ObservedSessionTest, ObserversAreOfNoUseToEachOther) {
  host_.notes = std::make_unique<Observation>();
  EstablishWithObserver();
  EXPECT_FALSE(session_->HasCommonTopics());
  EXPECT_EQ(Sent().message.type, wire::Message_NONE);
}

}  // namespace
}  // namespace holler
