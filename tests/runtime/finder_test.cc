// Who is called, and who is not.
#include "holler/finder.h"

#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "domain.h"
#include "gtest/gtest.h"
#include "process_support.h"
#include "session_support.h"

namespace holler {
namespace {

class FinderTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.identity.domain = NextDomain();
    host_.identity.allowed = {::geteuid()};
    ASSERT_TRUE(poll_.Open().ok());
    auto other = Listen({host_.identity.domain, ::geteuid(), kOther});
    ASSERT_TRUE(other.ok()) << other.status();
    other_ = std::move(*other);
  }

  // Whether the other node was called since the last look.
  bool WasCalled() {
    const UniqueFd call(::accept4(other_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return static_cast<bool>(call);
  }

  // What sweeps see of this node's topics.
  std::optional<TopicFilter> Shown() {
    const NodeIdentity& self = host_.identity;
    const auto listener = Listen({self.domain, self.uid, self.id});
    const auto nodes = SweepNodes();
    if (!listener.ok() || !nodes.ok()) {
      ADD_FAILURE() << listener.status() << nodes.status();
      return std::nullopt;
    }
    for (const SweptNode& node : *nodes) {
      if (node.id == self.id && node.domain == self.domain) return node.topics;
    }
    ADD_FAILURE() << "nobody listens";
    return std::nullopt;
  }

  const wire::NodeId kOther{2, static_cast<uint64_t>(::getpid())};
  Notes notes_;
  FakeHost host_;
  FakePublisher publisher_{notes_};
  Acquaintances met_;
  EventPoll poll_;
  SessionTable sessions_{host_, met_, poll_};
  Finder finder_{host_, sessions_, met_, poll_};
  UniqueFd other_;
};

TEST_F(FinderTest, ASweepCallsWhoListens) {
  finder_.Sweep();
  EXPECT_TRUE(WasCalled());
  EXPECT_TRUE(sessions_.IsConnectedOrCalling(kOther));
  finder_.Sweep();
  EXPECT_FALSE(WasCalled()) << "the first call is under way";
  EXPECT_EQ(host_.counts.sweeps, 2u);
}

TEST_F(FinderTest, WhoIsBannedIsNotCalled) {
  met_.Ban(kOther);
  finder_.Sweep();
  EXPECT_FALSE(WasCalled());
}

TEST_F(FinderTest, WhoWasMetInVainIsCalledOnlyWhenTheTopicsChanged) {
  met_.MetInVain(kOther);
  finder_.Sweep();
  EXPECT_FALSE(WasCalled());
  finder_.StartAnnouncing();
  finder_.Sweep();
  EXPECT_TRUE(WasCalled());
}

// Each call costs both sides a connection; with hundreds of nodes that took seconds.
TEST_F(FinderTest, WhoShowsThatNothingIsInCommonIsNotCalled) {
  host_.endpoints.Add(1, &publisher_);
  const uint64_t topic = TopicHash(publisher_.topic_name());
  const NodeAddress address{host_.identity.domain, ::geteuid(), kOther};
  auto shown = ShowTopics(address, TopicFilter({topic}, {TopicHash("another")}));
  ASSERT_TRUE(shown.ok());
  finder_.Sweep();
  EXPECT_FALSE(WasCalled()) << "both publish it";
  *shown = std::move(*ShowTopics(address, TopicFilter({}, {topic})));
  finder_.Sweep();
  EXPECT_TRUE(WasCalled());
}

TEST_F(FinderTest, TheOwnTopicsAreShown) {
  finder_.ShowTopics();
  EXPECT_EQ(Shown(), TopicFilter());
  host_.endpoints.Add(1, &publisher_);
  finder_.ShowTopics();
  EXPECT_EQ(Shown(), TopicFilter({TopicHash(publisher_.topic_name())}, {}));
  host_.endpoints.Remove(1);
  finder_.ShowTopics();
  EXPECT_EQ(Shown(), TopicFilter());
}

// A child that was forked has it still; or somebody who wants to hide this node.
TEST_F(FinderTest, WhereTheNameIsTakenAnotherTellsTheTopics) {
  host_.endpoints.Add(1, &publisher_);
  const uint64_t topic = TopicHash(publisher_.topic_name());
  const NodeIdentity& self = host_.identity;
  const NodeAddress address{self.domain, self.uid, self.id};
  auto taken = ShowTopics(address, TopicFilter({topic}, {}));
  const auto liar = ShowTopics(address, TopicFilter());
  ASSERT_TRUE(taken.ok() && liar.ok());
  finder_.ShowTopics();
  EXPECT_EQ(host_.retries, 0);
  taken->reset();
  const auto shown = Shown();
  ASSERT_TRUE(shown.has_value());
  EXPECT_TRUE(shown->MayPublish(topic));
}

TEST_F(FinderTest, TheOwnTopicsAreShownWhenThereAreNoMoreFds) {
  finder_.ShowTopics();
  host_.endpoints.Add(1, &publisher_);
  {
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
    finder_.ShowTopics();
  }
  EXPECT_EQ(Shown(), TopicFilter({TopicHash(publisher_.topic_name())}, {}));
}

// It is called by all then.
TEST_F(FinderTest, WithoutAnFdForItNothingIsShown) {
  {
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
    finder_.ShowTopics();
  }
  EXPECT_FALSE(Shown().has_value());
  EXPECT_EQ(host_.retries, 1) << "it is to be tried again";
  finder_.ShowTopics();
  EXPECT_EQ(Shown(), TopicFilter());
}

TEST_F(FinderTest, OtherUsersAreNotCalled) {
  host_.identity.allowed = {::geteuid() + 1};
  finder_.Sweep();
  EXPECT_FALSE(WasCalled());
}

TEST_F(FinderTest, OtherDomainsAreNotCalled) {
  host_.identity.domain = NextDomain();
  finder_.Sweep();
  EXPECT_FALSE(WasCalled());
}

// An address says of which user it is, but anybody may listen there.
TEST_F(FinderTest, WhoListensAtAnAddressOfAnotherUserIsRefused) {
  const auto impostor = Listen({host_.identity.domain, ::geteuid() + 1, {3, 3}});
  ASSERT_TRUE(impostor.ok());
  host_.identity.allowed = {::geteuid() + 1};
  finder_.Sweep();
  EXPECT_EQ(host_.counts.refused_users, 1u);
  EXPECT_FALSE(sessions_.IsConnectedOrCalling({3, 3}));
  ASSERT_EQ(host_.log.size(), 1u);
  EXPECT_NE(host_.log[0].find("not connected"), std::string::npos) << host_.log[0];
}

TEST_F(FinderTest, AFullBacklogIsTriedAgainSoon) {
  ASSERT_EQ(::listen(other_.get(), 0), 0);
  const auto before = Connect({host_.identity.domain, ::geteuid(), kOther});
  ASSERT_TRUE(before.ok());
  finder_.Sweep();
  EXPECT_FALSE(sessions_.IsConnectedOrCalling(kOther));
  EXPECT_EQ(host_.soon_retries, 1);
  EXPECT_TRUE(WasCalled());
  finder_.Sweep();
  EXPECT_TRUE(sessions_.IsConnectedOrCalling(kOther));
}

TEST_F(FinderTest, TheScheduleSweepsAndThenEnds) {
  finder_.StartAnnouncing();
  EXPECT_EQ(host_.counts.sweeps, 0u);
  while (finder_.next_step() != INT64_MAX && host_.counts.sweeps < 100) {
    finder_.Announce(finder_.next_step());
  }
  EXPECT_EQ(host_.counts.sweeps, 3u);
}

}  // namespace
}  // namespace holler
