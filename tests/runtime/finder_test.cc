// Who is called, and who is not.
#include "holler/finder.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "domain.h"
#include "gtest/gtest.h"
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
