// Attacks by a node that claims to observe, and on one that does.
#include <sys/mman.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "attack.h"
#include "holler/observer.h"
#include "holler/session.h"

namespace hostile {
namespace {

std::string ObserverHello(const wire::NodeId& id = RandomId()) {
  wire::HelloT hello = MakeHello(id);
  hello.publishes.clear();
  hello.subscribes.clear();
  hello.observes = true;
  return holler::EncodeCard(std::move(hello));
}

std::string Observe(uint64_t look) {
  wire::ObserveT observe;
  observe.look = look;
  return holler::EncodeCard(observe);
}

wire::MatchReportT MakeMatch(uint64_t publisher, uint64_t subscriber) {
  wire::MatchReportT report;
  report.publisher = publisher;
  report.node = std::make_unique<wire::NodeId>(RandomId());
  report.subscriber = subscriber;
  report.counts = std::make_unique<wire::CountsT>();
  return report;
}

wire::SubscriberReportT MakeReport(uint64_t subscriber) {
  wire::SubscriberReportT report;
  report.subscriber = subscriber;
  report.topic = "hostile/topic";
  report.counts = std::make_unique<wire::CountsT>();
  return report;
}

std::string Observed(uint64_t look) {
  wire::ObservedT observed;
  observed.look = look;
  return holler::EncodeCard(std::move(observed));
}

// A connection that has said it observes, and heard the node's hello.
std::unique_ptr<HostilePeer> Join(const wire::NodeId& node) {
  auto peer = std::make_unique<HostilePeer>(node);
  EXPECT_TRUE(peer->Send(ObserverHello()));
  EXPECT_TRUE(peer->ReceiveOnly(wire::Message_Hello).has_value());
  return peer;
}

class ObserverAttack : public Attack {};

TEST_F(ObserverAttack, SegmentsCannotBeWritten) {
  const auto peer = Join(speaker());
  ASSERT_TRUE(peer->Send(Observe(1)));
  std::vector<holler::UniqueFd> fds;
  ASSERT_TRUE(peer->ReceiveOnly(wire::Message_PublisherCard, &fds).has_value());
  ASSERT_EQ(fds.size(), 1u);
  EXPECT_EQ(::mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0].get(), 0),
            MAP_FAILED);
}

TEST_F(ObserverAttack, NeverReads) {
  const auto peer = Join(speaker());
  for (uint64_t look = 1; look <= 200'000; ++look) {
    if (!peer->TrySend(Observe(look))) PauseBriefly();
  }
  const int64_t published = Value("published");
  EXPECT_TRUE(Await([&] { return Value("taken") > published + 100; }));
  EXPECT_LE(Value("fds"), before_["fds"] + 10);
}

TEST_F(ObserverAttack, ReadsAndAsksWithoutEnd) {
  const auto peer = Join(speaker());
  for (uint64_t look = 1; look <= 5'000; ++look) {
    ASSERT_TRUE(peer->Send(Observe(look)));
    const auto card = peer->ReceiveOnly(wire::Message_Observed);
    ASSERT_TRUE(card.has_value());
    ASSERT_EQ(card->message.AsObserved()->look, look);
  }
}

TEST_F(ObserverAttack, ComesInNumbers) {
  std::vector<std::unique_ptr<HostilePeer>> peers;
  for (int i = 0; i < 40; ++i) {
    peers.push_back(Join(speaker()));
    ASSERT_TRUE(peers.back()->Send(Observe(1)));
    const auto answer = peers.back()->ReceiveOnly(wire::Message_Observed);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->message.AsObserved()->refused, i >= holler::kMostObservers);
  }
}

TEST_F(ObserverAttack, IsNone) {
  HostilePeer peer(speaker());
  peer.Greet();
  ASSERT_TRUE(peer.Send(Observe(1)));
  EXPECT_TRUE(peer.IsClosed());
}

TEST_F(ObserverAttack, HasTopics) {
  HostilePeer peer(speaker());
  wire::HelloT hello = MakeHello(RandomId());
  hello.observes = true;
  ASSERT_TRUE(peer.Send(holler::EncodeCard(std::move(hello))));
  EXPECT_TRUE(peer.IsClosed());
}

TEST_F(ObserverAttack, AnswersWhatItShouldAsk) {
  for (const std::string& card :
       {Observed(1), holler::EncodeCard(MakeReport(1)), holler::EncodeCard(MakeMatch(1, 1))}) {
    const auto peer = Join(listener());
    ASSERT_TRUE(peer->Send(card));
    EXPECT_TRUE(peer->IsClosed());
  }
}

// ---- A node that lies to an observer ----

class ObserverUnderAttack : public Attack {
 protected:
  void SetUp() override {
    Attack::SetUp();
    auto observer = holler::Observer::Create({.domain = Domain()});
    ASSERT_TRUE(observer.ok()) << observer.status();
    observer_.emplace(std::move(*observer));
    listener_ = ListenAs(id_);
    // It is called by the look, which ends at once.
    observer_->Look(absl::ZeroDuration());
    peer_.emplace(AcceptCall(listener_.get()));
    ASSERT_TRUE(peer_->Send(holler::EncodeCard([&] {
      wire::HelloT hello = MakeHello(id_);
      hello.node_name = "liar";
      return hello;
    }())));
    ASSERT_TRUE(peer_->ReceiveOnly(wire::Message_Observe).has_value());
  }
  void TearDown() override {
    peer_.reset();
    listener_.reset();
    // The honest nodes are seen whatever the liar did.
    EXPECT_TRUE(Await([&] {
      const holler::DomainSnapshot snapshot = observer_->Look(absl::Seconds(10));
      size_t publishers = 0;
      for (const auto& node : snapshot.nodes) publishers += node.publishers.size();
      return snapshot.complete && publishers >= 2;
    }));
    observer_.reset();
    Attack::TearDown();
  }

  const wire::NodeId id_ = RandomId();
  std::optional<holler::Observer> observer_;
  holler::UniqueFd listener_;
  std::optional<HostilePeer> peer_;
};

TEST_F(ObserverUnderAttack, Garbage) {
  ASSERT_TRUE(peer_->Send(std::string(1'000, '\xA5')));
  EXPECT_TRUE(peer_->IsClosed());
}

TEST_F(ObserverUnderAttack, CardsOfAnotherTrade) {
  ASSERT_TRUE(peer_->Send(Confirmation(1, 2, 3)));
  EXPECT_TRUE(peer_->IsClosed());
}

TEST_F(ObserverUnderAttack, EndpointsWithoutEnd) {
  for (uint64_t i = 0; i < 110'000; ++i) {
    ASSERT_TRUE(peer_->Send(holler::EncodeCard(MakeReport(i))));
  }
}

TEST_F(ObserverUnderAttack, MemoryThatIsNone) {
  const holler::UniqueFd file = MakeMemfd("no segment", kAllSeals);
  for (uint64_t i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(peer_->Send(PublisherCard(i, holler::InfoOf<BeatTopic>()), {file.get()}));
    ASSERT_TRUE(peer_->Send(holler::EncodeCard(MakeMatch(i, i))));
    ASSERT_TRUE(peer_->Send(Gone(i / 2)));
  }
  ASSERT_TRUE(peer_->Send(Observed(UINT64_MAX)));
}

TEST_F(ObserverUnderAttack, CountersOfAnyKind) {
  holler::Segment segment = MakeSegment<BeatTopic>();
  const uint64_t head = segment.layout().head_offset;
  std::fill_n(segment.data() + holler::kTallyOffset, holler::kCacheLine, std::byte{0xFF});
  std::fill_n(segment.data() + head, 8, std::byte{0xFF});
  ASSERT_TRUE(peer_->Send(PublisherCard(1, holler::InfoOf<BeatTopic>()), {segment.fd()}));
  wire::MatchReportT match = MakeMatch(1, 1);
  match.pid = -1;
  match.position = UINT64_MAX;
  match.counts->latencies.assign(holler::LatencyHistogram::kBuckets, UINT64_MAX);
  ASSERT_TRUE(peer_->Send(holler::EncodeCard(std::move(match))));
  const auto sees_it = [&] {
    for (const auto& node : observer_->Look(absl::ZeroDuration()).nodes) {
      if (node.peer.node_name != "liar" || node.publishers.empty()) continue;
      const holler::ObservedPublisher& publisher = node.publishers[0];
      if (publisher.matches.empty()) continue;
      EXPECT_EQ(publisher.counters.published, UINT64_MAX);
      EXPECT_EQ(publisher.matches[0].state.counters.latency.count(), UINT64_MAX);
      return true;
    }
    return false;
  };
  EXPECT_TRUE(Await(sees_it));
}

}  // namespace
}  // namespace hostile
