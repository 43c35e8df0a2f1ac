#include "holler/match_log.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MatchLogTest : public testing::Test {
 protected:
  // What was logged since the last call.
  std::vector<std::string> Lines() { return std::exchange(lines_, {}); }

  const EndpointKey there_{{2, 2}, 7};
  const PeerInfo peer_{.node_name = "b", .pid = 12};
  std::vector<std::string> lines_;
  MatchLog log_{[this](LogSeverity severity, const std::string& line) {
    EXPECT_EQ(severity, LogSeverity::kInfo);
    lines_.push_back(line);
  }};
};

TEST_F(MatchLogTest, TellsOfAPublishersLife) {
  log_.Created(1, MatchLog::Kind::kPublisher, "imu");
  log_.Matched(1, there_, peer_);
  log_.Ended(1, there_);
  log_.Closed(1);
  EXPECT_THAT(Lines(),
              ElementsAre("topic 'imu': publisher created",
                          "topic 'imu': publisher matched with a subscriber in node 'b' (pid 12)",
                          "topic 'imu': publisher no longer matched with a subscriber in node 'b' "
                          "(pid 12)",
                          "topic 'imu': publisher closed"));
}

TEST_F(MatchLogTest, TellsOfEachMatchOfTheSamePair) {
  log_.Created(1, MatchLog::Kind::kSubscriber, "imu");
  Lines();
  for (int i = 0; i < 2'000; ++i) {
    log_.Matched(1, there_, peer_);
    log_.Ended(1, there_);
    ASSERT_THAT(Lines(), ElementsAre("topic 'imu': subscriber matched with a publisher in node "
                                     "'b' (pid 12)",
                                     "topic 'imu': subscriber no longer matched with a publisher "
                                     "in node 'b' (pid 12)"));
  }
}

TEST_F(MatchLogTest, TellsOfEachEventOnce) {
  log_.Created(1, MatchLog::Kind::kPublisher, "imu");
  log_.Matched(1, there_, peer_);
  Lines();
  log_.Matched(1, there_, peer_);
  EXPECT_THAT(Lines(), IsEmpty());
  log_.Ended(1, there_);
  EXPECT_EQ(Lines().size(), 1u);
  log_.Ended(1, there_);
  log_.Gone(there_);
  log_.NodeGone(there_.node);
  EXPECT_THAT(Lines(), IsEmpty());
  log_.Closed(1);
  EXPECT_EQ(Lines().size(), 1u);
  log_.Closed(1);
  log_.Matched(1, there_, peer_);
  EXPECT_THAT(Lines(), IsEmpty());
}

TEST_F(MatchLogTest, MatchesEndWithTheirEndpoint) {
  log_.Created(1, MatchLog::Kind::kPublisher, "imu");
  log_.Matched(1, there_, peer_);
  Lines();
  log_.Closed(1);
  EXPECT_THAT(Lines(), ElementsAre("topic 'imu': publisher no longer matched with a subscriber in "
                                   "node 'b' (pid 12)",
                                   "topic 'imu': publisher closed"));
}

TEST_F(MatchLogTest, MatchesEndWithTheOtherSide) {
  log_.Created(1, MatchLog::Kind::kPublisher, "imu");
  log_.Created(2, MatchLog::Kind::kPublisher, "imu");
  const EndpointKey sibling{there_.node, 8};
  const EndpointKey stranger{{3, 3}, 7};
  for (const uint64_t id : {1, 2}) {
    for (const EndpointKey& key : {there_, sibling, stranger}) log_.Matched(id, key, peer_);
  }
  Lines();
  log_.Gone(there_);
  EXPECT_EQ(Lines().size(), 2u) << "with both publishers";
  log_.NodeGone(there_.node);
  EXPECT_EQ(Lines().size(), 2u) << "of the sibling";
  log_.NodeGone(stranger.node);
  EXPECT_EQ(Lines().size(), 2u);
}

}  // namespace
}  // namespace holler
