// What an observer believes of what it is told.
#include "holler/observation.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holler/segment.h"
#include "segment_support.h"

namespace holler {
namespace {

class ObservationTest : public testing::Test {
 protected:
  void SetUp() override {
    observation_.StartLook();
    observation_.Joined(kNode, {"node", 1, 2, ""});
  }

  template <typename Card>
  absl::Status Tell(Card card, std::vector<UniqueFd> fds = {}) {
    ReceivedCard received;
    received.envelope.message.Set(std::move(card));
    received.fds = std::move(fds);
    return observation_.OnCard(kNode, std::move(received));
  }
  void TellPublisher(uint64_t id, UniqueFd fd, uint64_t fingerprint = TestTopic().fingerprint) {
    wire::PublisherCardT card;
    card.publisher = id;
    card.topic = "test/segment";
    card.type_name = "test.Segment";
    card.fingerprint = fingerprint;
    std::vector<UniqueFd> fds;
    if (fd) fds.push_back(std::move(fd));
    EXPECT_TRUE(Tell(std::move(card), std::move(fds)).ok());
  }
  void TellMatch(uint64_t publisher, uint64_t subscriber) {
    wire::MatchReportT report;
    report.publisher = publisher;
    report.node = std::make_unique<wire::NodeId>(3, 3);
    report.subscriber = subscriber;
    report.node_name = "bad\x1b[2Jname";
    report.counts = std::make_unique<wire::CountsT>();
    EXPECT_TRUE(Tell(std::move(report)).ok());
  }
  ObservedNode Node() const { return observation_.Snapshot().nodes.at(0); }

  static inline const wire::NodeId kNode{1, 1};
  const Segment segment_ = std::move(*Segment::Create(TestTopic()));
  Observation observation_;
};

TEST_F(ObservationTest, CompleteWhenAllHaveAnswered) {
  EXPECT_FALSE(observation_.IsAnswered());
  EXPECT_FALSE(observation_.Snapshot().complete);
  wire::ObservedT observed;
  observed.look = 1;
  observed.program = "program\n";
  ASSERT_TRUE(Tell(observed).ok());
  EXPECT_TRUE(observation_.IsAnswered());
  EXPECT_TRUE(observation_.Snapshot().complete);
  EXPECT_EQ(Node().program, "program?");
  observation_.StartLook();
  EXPECT_FALSE(observation_.IsAnswered());
  observation_.Left(kNode);
  EXPECT_TRUE(observation_.IsAnswered());
}

TEST_F(ObservationTest, WhoIsRefusedHasAnAnswerButSeesNothing) {
  wire::ObservedT observed;
  observed.look = 1;
  observed.refused = true;
  ASSERT_TRUE(Tell(observed).ok());
  EXPECT_TRUE(observation_.IsAnswered());
  EXPECT_FALSE(Node().answered);
  EXPECT_FALSE(observation_.Snapshot().complete);
}

TEST_F(ObservationTest, MemoryThatFailsACheckIsNotShown) {
  TellPublisher(1, Dup(segment_.fd()));
  TellPublisher(2, Dup(segment_.fd()), /*fingerprint=*/77);
  TellPublisher(3, MakeMemfd("short", 0));
  TellPublisher(4, {});
  ASSERT_EQ(Node().publishers.size(), 4u);
  EXPECT_NE(Node().publishers[0].segment, nullptr);
  for (const size_t i : {1, 2, 3}) EXPECT_EQ(Node().publishers[i].segment, nullptr);
}

TEST_F(ObservationTest, ACardSaidTwiceCountsOnce) {
  TellPublisher(1, Dup(segment_.fd()));
  TellPublisher(1, {});
  ASSERT_EQ(Node().publishers.size(), 1u);
  EXPECT_NE(Node().publishers[0].segment, nullptr);
}

TEST_F(ObservationTest, MatchesEndWithTheirPublisher) {
  TellMatch(1, 5);  // Of a publisher that nobody knows.
  TellPublisher(1, Dup(segment_.fd()));
  EXPECT_TRUE(Node().publishers[0].matches.empty());
  TellMatch(1, 5);
  TellMatch(1, 6);
  ASSERT_EQ(Node().publishers[0].matches.size(), 2u);
  EXPECT_EQ(Node().publishers[0].matches[0].state.peer.node_name, "bad?[2Jname");
  wire::MatchEndT end;
  end.publisher = 1;
  end.node = std::make_unique<wire::NodeId>(3, 3);
  end.subscriber = 5;
  ASSERT_TRUE(Tell(std::move(end)).ok());
  ASSERT_EQ(Node().publishers[0].matches.size(), 1u);
  EXPECT_EQ(Node().publishers[0].matches[0].subscriber, 6u);
  wire::GoneT gone;
  gone.endpoint = 1;
  ASSERT_TRUE(Tell(gone).ok());
  EXPECT_TRUE(Node().publishers.empty());
  TellPublisher(1, Dup(segment_.fd()));
  EXPECT_TRUE(Node().publishers[0].matches.empty());
}

TEST_F(ObservationTest, ALiarFillsNoMemory) {
  TellPublisher(1, Dup(segment_.fd()));
  for (uint64_t i = 0; i < 100'500; ++i) TellMatch(1, i);
  EXPECT_EQ(Node().publishers[0].matches.size(), 100'000u - 1);
  wire::SubscriberReportT report;
  report.subscriber = 9;
  report.topic = "test/segment";
  report.counts = std::make_unique<wire::CountsT>();
  EXPECT_TRUE(Tell(std::move(report)).ok());
  EXPECT_TRUE(Node().subscribers.empty());
}

TEST_F(ObservationTest, CardsForOthersEndTheConversation) {
  EXPECT_TRUE(absl::IsInvalidArgument(Tell(wire::SubscriberCardT())));
  EXPECT_TRUE(absl::IsInvalidArgument(Tell(wire::ConfirmationT())));
  EXPECT_TRUE(absl::IsInvalidArgument(Tell(wire::ObserveT())));
}

}  // namespace
}  // namespace holler
