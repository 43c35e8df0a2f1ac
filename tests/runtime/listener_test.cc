// Who gets in.
#include "holler/listener.h"

#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "domain.h"
#include "gtest/gtest.h"
#include "holler/connection.h"
#include "holler/neighbourhood.h"
#include "process_support.h"
#include "session_support.h"

namespace holler {
namespace {

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    host_.identity.domain = NextDomain();
    host_.identity.uid = ::geteuid();
    host_.identity.id = wire::NodeId(4, static_cast<uint64_t>(::getpid()));
    host_.identity.allowed = {::geteuid()};
    ASSERT_TRUE(poll_.Open().ok());
    ASSERT_TRUE(listener_.Open().ok());
  }
  std::unique_ptr<Connection> Call() {
    auto socket = Connect({host_.identity.domain, ::geteuid(), host_.identity.id});
    EXPECT_TRUE(socket.ok()) << socket.status();
    return std::move(*Connection::Adopt(std::move(*socket)));
  }

  FakeHost host_;
  Acquaintances met_;
  EventPoll poll_;
  SessionTable sessions_{host_, met_, poll_};
  Listener listener_{host_, sessions_, poll_};
};

TEST_F(ListenerTest, LetsCallersIn) {
  auto first = Call();
  auto second = Call();
  listener_.OnCallers();
  EXPECT_FALSE(first->closed_by_peer());
  EXPECT_FALSE(second->closed_by_peer());
  EXPECT_NE(sessions_.next_deadline(), INT64_MAX);
}

TEST_F(ListenerTest, RefusesOtherUsers) {
  host_.identity.allowed = {::geteuid() + 1};
  auto caller = Call();
  listener_.OnCallers();
  EXPECT_TRUE(caller->closed_by_peer());
  EXPECT_EQ(host_.counts.refused_users, 1u);
  ASSERT_EQ(host_.log.size(), 1u);
  EXPECT_NE(host_.log[0].find("allowed_users"), std::string::npos) << host_.log[0];
}

TEST_F(ListenerTest, CallersThatComeWithoutEndLeaveTimeForOtherThings) {
  host_.identity.allowed = {::geteuid() + 1};
  std::vector<std::unique_ptr<Connection>> callers;
  for (int i = 0; i < 100; ++i) callers.push_back(Call());
  listener_.OnCallers();
  EXPECT_EQ(host_.counts.refused_users, 64u);
  listener_.OnCallers();
  EXPECT_EQ(host_.counts.refused_users, 100u);
}

TEST_F(ListenerTest, TurnsAwayWhoFindsNoRoomAndLooksForIt) {
  std::vector<std::unique_ptr<Connection>> silent;
  while (sessions_.has_room_for_callers() && silent.size() < 10'000) {
    silent.push_back(Call());
    listener_.OnCallers();
  }
  ASSERT_EQ(host_.retries, 0);
  auto caller = Call();
  listener_.OnCallers();
  EXPECT_TRUE(caller->closed_by_peer());
  EXPECT_EQ(host_.retries, 1);
}

TEST_F(ListenerTest, OutOfFdsItTurnsCallersAwayAndLooksForThem) {
  auto caller = Call();
  {
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
    listener_.OnCallers();
  }
  EXPECT_TRUE(caller->closed_by_peer());
  EXPECT_EQ(host_.counts.exhausted, 1u);
  EXPECT_EQ(host_.retries, 1);
  caller = Call();
  listener_.OnCallers();
  EXPECT_FALSE(caller->closed_by_peer());
}

}  // namespace
}  // namespace holler
