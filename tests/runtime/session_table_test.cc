// The conversations of a node, against peers at the other end of a socket pair.
#include "holler/session_table.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/clock.h"
#include "holler/neighbourhood.h"
#include "process_support.h"
#include "session_support.h"

namespace holler {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

// Later than any deadline.
int64_t MuchLater() { return MonotonicNow() + 3'600'000 * kMillisecond; }

class SessionTableTest : public testing::Test {
 protected:
  static constexpr uint64_t kPublisher = 10;

  void SetUp() override {
    ASSERT_TRUE(poll_.Open().ok());
    host_.endpoints.Add(kPublisher, &publisher_);
  }

  // The peer's end of a new connection, over which node `called` was called, or which called.
  std::unique_ptr<Connection> Connect(std::optional<wire::NodeId> called = std::nullopt) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    table_.Add(std::move(*Connection::Adopt(UniqueFd(ends[1]))), called);
    own_end_ = ends[1];
    return std::move(*Connection::Adopt(UniqueFd(ends[0])));
  }
  static void SayHello(Connection& peer, const wire::NodeId& id,
                       const std::string& topic = "test/segment") {
    wire::HelloT hello;
    hello.abi_version = kAbiVersion;
    hello.domain = 3;
    hello.node = std::make_unique<wire::NodeId>(id);
    hello.node_name = "peer";
    hello.subscribes = {TopicHash(topic)};
    ASSERT_TRUE(peer.Send(EncodeCard(std::move(hello))).ok());
  }
  // The next card a peer received; NONE if there is none.
  wire::Message Received(Connection& peer) {
    auto card = peer.Receive(buffer_.get());
    return card.ok() ? card->envelope.message.type : wire::Message_NONE;
  }
  // An event at this node's end of the last connection made.
  void OnEvent(int fd) {
    table_.OnEvent(fd, EPOLLIN);
    table_.DropFailed();
  }

  const wire::NodeId larger_{2, 2};  // Than the host's, which is 1, 1.
  const wire::NodeId smaller_{0, 7};
  Notes notes_;
  FakeHost host_;
  FakePublisher publisher_{notes_};
  Acquaintances met_;
  EventPoll poll_;
  SessionTable table_{host_, met_, poll_};
  int own_end_ = -1;
  const std::unique_ptr<char[]> buffer_{new char[kMaxMessageBytes]};
};

TEST_F(SessionTableTest, ACallerThatSaysHelloIsAnswered) {
  auto peer = Connect();
  EXPECT_NE(table_.next_deadline(), INT64_MAX);
  SayHello(*peer, larger_);
  OnEvent(own_end_);
  EXPECT_EQ(Received(*peer), wire::Message_Hello);
  EXPECT_EQ(Received(*peer), wire::Message_PublisherCard);
  EXPECT_EQ(table_.CountEstablished(), 1u);
  EXPECT_TRUE(table_.IsConnectedOrCalling(larger_));
  EXPECT_EQ(table_.next_deadline(), INT64_MAX);
}

TEST_F(SessionTableTest, ASilentCallerIsDroppedAndLookedFor) {
  auto peer = Connect();
  table_.DropOverdue(table_.next_deadline() - 1);
  table_.DropFailed();
  EXPECT_FALSE(peer->closed_by_peer());
  table_.DropOverdue(table_.next_deadline());
  table_.DropFailed();
  EXPECT_TRUE(peer->closed_by_peer());
  EXPECT_EQ(host_.counts.handshake_timeouts, 1u);
  EXPECT_EQ(host_.retries, 1);
  EXPECT_EQ(table_.next_deadline(), INT64_MAX);
}

// A thread that was late itself must not blame the peer.
TEST_F(SessionTableTest, AHelloThatIsReadTooLateStillCounts) {
  auto peer = Connect();
  SayHello(*peer, larger_);
  table_.DropOverdue(MuchLater());
  table_.DropFailed();
  EXPECT_EQ(Received(*peer), wire::Message_Hello);
  EXPECT_EQ(Received(*peer), wire::Message_PublisherCard);
  EXPECT_EQ(table_.CountEstablished(), 1u);
  EXPECT_EQ(host_.counts.handshake_timeouts, 0u);
  EXPECT_THAT(host_.log, IsEmpty());
}

TEST_F(SessionTableTest, WhoCameTooLateMayComeAgain) {
  auto peer = Connect();
  table_.DropOverdue(MuchLater());
  table_.DropFailed();
  peer = Connect();
  SayHello(*peer, larger_);
  OnEvent(own_end_);
  EXPECT_EQ(table_.CountEstablished(), 1u);
}

// A node that is stopped may answer at any time later.
TEST_F(SessionTableTest, CallsHaveNoDeadline) {
  auto peer = Connect(larger_);
  EXPECT_EQ(table_.next_deadline(), INT64_MAX);
  table_.DropOverdue(MuchLater());
  table_.DropFailed();
  EXPECT_TRUE(table_.IsConnectedOrCalling(larger_));
  EXPECT_EQ(table_.CountCalls(::getpid()), 1);
  SayHello(*peer, larger_);
  OnEvent(own_end_);
  EXPECT_EQ(table_.CountEstablished(), 1u);
}

TEST_F(SessionTableTest, SilentCallersAreLimited) {
  std::vector<std::unique_ptr<Connection>> peers;
  while (table_.has_room_for_callers() && peers.size() < 10'000) peers.push_back(Connect());
  EXPECT_EQ(peers.size(), 512u);
  table_.DropOverdue(MuchLater());
  table_.DropFailed();
  EXPECT_TRUE(table_.has_room_for_callers());
}

TEST_F(SessionTableTest, OfTwoCallsTheOneOfTheSmallerIdStays) {
  for (const bool own_stays : {true, false}) {
    const wire::NodeId id = own_stays ? larger_ : smaller_;
    auto called = Connect(id);
    auto caller = Connect();
    SayHello(*caller, id);
    OnEvent(own_end_);
    EXPECT_EQ(caller->closed_by_peer(), own_stays);
    EXPECT_EQ(called->closed_by_peer(), !own_stays);
    EXPECT_TRUE(table_.IsConnectedOrCalling(id));
  }
  EXPECT_THAT(host_.log, IsEmpty()) << "nothing is wrong with it";
}

TEST_F(SessionTableTest, NothingInCommonIsRemembered) {
  auto peer = Connect(larger_);
  SayHello(*peer, larger_, "other");
  OnEvent(own_end_);
  EXPECT_TRUE(peer->closed_by_peer());
  EXPECT_TRUE(met_.IsInVain(larger_));
  EXPECT_EQ(host_.counts.malformed, 0u);
}

TEST_F(SessionTableTest, ACallerWithNothingInCommonNeedNotBeCalled) {
  host_.identity.uid = ::geteuid();
  auto peer = Connect();
  SayHello(*peer, larger_, "other");
  OnEvent(own_end_);
  EXPECT_EQ(Received(*peer), wire::Message_Hello) << "it must learn of it as well";
  EXPECT_TRUE(met_.IsInVain(larger_));
}

TEST_F(SessionTableTest, ACallerOfAnotherUserMayLieAboutItsId) {
  host_.identity.uid = ::geteuid() + 1;
  auto peer = Connect();
  SayHello(*peer, larger_, "other");
  OnEvent(own_end_);
  EXPECT_FALSE(met_.IsInVain(larger_));
}

TEST_F(SessionTableTest, WhoSendsNonsenseWhenCalledIsBanned) {
  auto peer = Connect(larger_);
  ASSERT_TRUE(peer->Send("nonsense").ok());
  OnEvent(own_end_);
  EXPECT_TRUE(peer->closed_by_peer());
  EXPECT_TRUE(met_.IsBanned(larger_));
  EXPECT_EQ(host_.counts.malformed, 1u);
  EXPECT_THAT(host_.log, Contains(HasSubstr("dropped the connection")));
}

TEST_F(SessionTableTest, NonsenseInTheNameOfAnotherBansNobody) {
  auto peer = Connect();
  SayHello(*peer, larger_);  // Nobody listens at the address of that id.
  OnEvent(own_end_);
  ASSERT_TRUE(peer->Send("nonsense").ok());
  OnEvent(own_end_);
  EXPECT_TRUE(peer->closed_by_peer());
  EXPECT_FALSE(met_.IsBanned(larger_));
}

TEST_F(SessionTableTest, ALostConnectionIsLookedFor) {
  auto peer = Connect();
  SayHello(*peer, larger_);
  OnEvent(own_end_);
  ASSERT_EQ(host_.soon_retries, 0);
  peer.reset();
  OnEvent(own_end_);
  EXPECT_EQ(table_.CountEstablished(), 0u);
  EXPECT_EQ(host_.soon_retries, 1);
  EXPECT_THAT(notes_, Contains("dismiss node"));
}

// Two ends of a connection that another process, which is gone, has made.
std::pair<UniqueFd, UniqueFd> ConnectionOfAnother() {
  int way[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, way), 0);
  const auto to_parent = Connection::Adopt(UniqueFd(way[0]));
  const auto from_child = Connection::Adopt(UniqueFd(way[1]));
  EXPECT_EQ(InChild([&] {
              int ends[2];
              if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) != 0) return 1;
              wire::SubscriberCardT card;  // What carries two fds.
              return (*to_parent)->Send(EncodeCard(card), {ends[0], ends[1]}).ok() ? 0 : 2;
            }),
            0);
  const std::unique_ptr<char[]> buffer{new char[kMaxMessageBytes]};
  auto received = (*from_child)->Receive(buffer.get());
  EXPECT_TRUE(received.ok()) << received.status();
  return {std::move(received->fds[0]), std::move(received->fds[1])};
}

TEST_F(SessionTableTest, AnImpostorThatCameFirstIsFoundOut) {
  auto [own_end, peer_end] = ConnectionOfAnother();
  const int impostors_fd = own_end.get();
  table_.Add(std::move(*Connection::Adopt(std::move(own_end))), std::nullopt);
  auto impostor = std::move(*Connection::Adopt(std::move(peer_end)));
  SayHello(*impostor, larger_);
  OnEvent(impostors_fd);
  ASSERT_EQ(table_.CountEstablished(), 1u);

  // The owner calls when there are no files to look who listens at its address.
  const auto listening = Listen({host_.self().domain, ::getuid(), larger_});
  ASSERT_TRUE(listening.ok());
  auto owner = Connect();
  SayHello(*owner, larger_);
  {
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
    OnEvent(own_end_);
  }
  EXPECT_TRUE(owner->closed_by_peer());
  EXPECT_FALSE(impostor->closed_by_peer()) << "it may be the owner, for all that is known";
  EXPECT_GT(host_.retries, 0);
  EXPECT_FALSE(met_.IsBanned(larger_));

  table_.Retry();
  table_.DropFailed();
  EXPECT_TRUE(impostor->closed_by_peer());
  EXPECT_FALSE(met_.IsBanned(larger_));
  EXPECT_EQ(host_.soon_retries, 1) << "the owner is looked for";
}

TEST_F(SessionTableTest, AVisitThatFailsEndsTheSession) {
  auto peer = Connect();
  SayHello(*peer, larger_);
  OnEvent(own_end_);
  int visits = 0;
  const auto visit = [&](absl::Status result) {
    table_.VisitEstablished(larger_, [&](Session&) { return ++visits, result; });
  };
  visit(absl::OkStatus());
  visit(absl::InternalError("failed"));
  EXPECT_EQ(visits, 2);
  visit(absl::OkStatus());
  EXPECT_EQ(visits, 2) << "it is as good as gone";
  table_.DropFailed();
  EXPECT_TRUE(peer->closed_by_peer());
}

}  // namespace
}  // namespace holler
