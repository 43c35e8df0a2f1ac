// Attacks on connections, before any card is exchanged.
#include <sys/resource.h>
#include <sys/socket.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "attack.h"

namespace hostile {
namespace {

class ConnectionAttack : public Attack {
 protected:
  // Whether both nodes close a connection on which this was said.
  void ExpectClosedAfter(const std::string& first, const std::string& second = "") {
    for (const wire::NodeId& node : {speaker(), listener()}) {
      HostilePeer peer(node);
      EXPECT_TRUE(peer.Send(first));
      if (!second.empty()) (void)peer.Send(second);
      EXPECT_TRUE(peer.IsClosed());
    }
  }
  void ExpectMalformed(int64_t least = 1) {
    EXPECT_TRUE(Counted("speaker.malformed", least));
    EXPECT_TRUE(Counted("listener.malformed", least));
  }
};

TEST_F(ConnectionAttack, Garbage) {
  for (size_t size : {1, 4, 8, 100, 60'000}) ExpectClosedAfter(std::string(size, '\x5A'));
  ExpectMalformed(5);
}

TEST_F(ConnectionAttack, EmptyMessage) {
  HostilePeer peer(listener());
  EXPECT_TRUE(peer.Send(""));  // Looks as an end does.
  EXPECT_TRUE(peer.IsClosed());
}

TEST_F(ConnectionAttack, EveryTruncationOfAHello) {
  const std::string hello = HelloBytes(RandomId());
  for (size_t size = 1; size < hello.size(); ++size) {
    HostilePeer peer(listener());
    EXPECT_TRUE(peer.Send(hello.substr(0, size)));
    // What is cut off may be padding: then it is a hello.
    EXPECT_TRUE(size + 8 > hello.size() || peer.IsClosed()) << size;
  }
  EXPECT_TRUE(Counted("listener.malformed", static_cast<int64_t>(hello.size()) - 8));
}

TEST_F(ConnectionAttack, EveryByteOfAHelloChanged) {
  const std::string hello = HelloBytes(RandomId());
  for (size_t i = 0; i < hello.size(); ++i) {
    std::string bytes = hello;
    bytes[i] = static_cast<char>(bytes[i] ^ '\xFF');
    HostilePeer peer(listener());
    EXPECT_TRUE(peer.Send(bytes));
  }
  EXPECT_TRUE(Counted("listener.malformed", 10));
  most_lines_ = 60;
}

TEST_F(ConnectionAttack, OversizedMessage) {
  ExpectClosedAfter(std::string(holler::kMaxMessageBytes + 1, 'x'));
  ExpectClosedAfter(HelloBytes(RandomId()) + std::string(100'000, '\0'));
  ExpectMalformed(2);
}

TEST_F(ConnectionAttack, Silence) {
  std::deque<HostilePeer> peers;
  for (int i = 0; i < 10; ++i) peers.emplace_back(listener());
  for (HostilePeer& peer : peers) EXPECT_TRUE(peer.IsClosed());
  EXPECT_TRUE(Counted("listener.handshake_timeouts", 10));
}

// A caller that was too slow to say hello in time may be one that means well, on a busy machine. It
// has no reason to call again, so the node must.
TEST_F(ConnectionAttack, WhoeverSaysHelloTooLateIsLookedFor) {
  // From now on the honest nodes look for nobody of their own accord.
  ASSERT_TRUE(Await([&] { return Value("speaker.sweeps") >= 3 && Value("listener.sweeps") >= 3; }));
  const wire::NodeId id = RandomId();
  const holler::UniqueFd socket = ListenAs(id);
  HostilePeer late(speaker());
  EXPECT_TRUE(late.IsClosed());
  EXPECT_FALSE(late.TrySend(HelloBytes(id)));
  EXPECT_TRUE(Counted("speaker.handshake_timeouts"));

  HostilePeer peer(AcceptCall(socket.get()));
  peer.Greet(id);
  const auto card = peer.ReceiveOnly(wire::Message_PublisherCard);
  ASSERT_TRUE(card.has_value());
  const uint64_t publisher = card->message.AsPublisherCard()->publisher;
  const holler::UniqueFd page = MakePage();
  const holler::UniqueFd bell = MakeBell();
  ASSERT_TRUE(peer.Send(SubscriberCard(1, publisher), {page.get(), bell.get()}));
  EXPECT_TRUE(peer.ReceiveOnly(wire::Message_Confirmation).has_value()) << "matched after all";
}

TEST_F(ConnectionAttack, SilenceAfterTheHello) {
  std::deque<HostilePeer> peers;
  for (int i = 0; i < 20; ++i) {
    peers.emplace_back(i % 2 == 0 ? speaker() : listener());
    peers.back().Greet();
  }
  EXPECT_EQ(honest_.Command("newcomers"), "fine");
}

TEST_F(ConnectionAttack, AnotherAbiVersion) {
  auto hello = MakeHello(RandomId());
  hello.abi_version += 1;
  ExpectClosedAfter(holler::EncodeCard(std::move(hello)));
  EXPECT_TRUE(Counted("speaker.refused_versions"));
  EXPECT_TRUE(Counted("listener.refused_versions"));
}

TEST_F(ConnectionAttack, AnotherDomain) {
  auto hello = MakeHello(RandomId());
  hello.domain += 1;
  ExpectClosedAfter(holler::EncodeCard(std::move(hello)));
  ExpectMalformed();
}

TEST_F(ConnectionAttack, AnotherIdThanWasCalled) {
  const wire::NodeId id = RandomId();
  const holler::UniqueFd socket = ListenAs(id);
  Shout(holler::EncodeHoller(MakeHoller(id)));
  for (int i = 0; i < 2; ++i) {
    HostilePeer peer(AcceptCall(socket.get()));
    ASSERT_TRUE(peer.Send(HelloBytes(RandomId())));
    EXPECT_TRUE(peer.IsClosed());
  }
  ExpectMalformed();
  // Whoever lied is not called again.
  Shout(holler::EncodeHoller(MakeHoller(id)), 10);
  EXPECT_TRUE(Counted("listener.hollers_received", 10));
  EXPECT_LE(Growth("listener.malformed"), 1);
}

TEST_F(ConnectionAttack, HelloTwice) {
  const std::string hello = HelloBytes(RandomId());
  ExpectClosedAfter(hello, hello);
  ExpectMalformed();
}

TEST_F(ConnectionAttack, CardBeforeTheHello) {
  ExpectClosedAfter(Gone(1));
  ExpectClosedAfter(Topics({1}, {2}));
  ExpectMalformed(2);
}

TEST_F(ConnectionAttack, ItsOwnId) {
  for (const wire::NodeId& node : {speaker(), listener()}) {
    HostilePeer peer(node);
    EXPECT_TRUE(peer.Send(HelloBytes(node)));
    EXPECT_TRUE(peer.IsClosed());
  }
  ExpectMalformed();
}

TEST_F(ConnectionAttack, ImpostorOfAConnectedNode) {
  for (int i = 0; i < 20; ++i) {
    HostilePeer to_listener(listener());
    EXPECT_TRUE(to_listener.Send(HelloBytes(speaker())));
    EXPECT_TRUE(to_listener.IsClosed());
    HostilePeer to_speaker(speaker());
    EXPECT_TRUE(to_speaker.Send(HelloBytes(listener())));
    EXPECT_TRUE(to_speaker.IsClosed());
  }
  ExpectMalformed(20);
}

// Who comes first under a name is not therefore its owner.
TEST_F(ConnectionAttack, ImpostorOfANodeToCome) {
  wire::NodeId name;
  ASSERT_TRUE(holler::ParseNodeId(honest_.Command("add bystander"), &name));
  HostilePeer peer(speaker());
  peer.Greet(name);
  EXPECT_EQ(honest_.Command("bystander joins"), "matched");
  EXPECT_TRUE(peer.IsClosed());
  EXPECT_TRUE(Counted("speaker.malformed"));
}

// Nonsense in the name of another must not have that one banned.
TEST_F(ConnectionAttack, NonsenseInTheNameOfAnother) {
  wire::NodeId name;
  ASSERT_TRUE(holler::ParseNodeId(honest_.Command("add bystander"), &name));
  HostilePeer peer(speaker());
  peer.Greet(name);
  EXPECT_TRUE(peer.Send("nonsense"));
  EXPECT_TRUE(peer.IsClosed());
  EXPECT_EQ(honest_.Command("bystander joins"), "matched");
  EXPECT_TRUE(Counted("speaker.malformed"));
}

TEST_F(ConnectionAttack, TwoThousandAtOnce) {
  std::deque<HostilePeer> peers;
  for (int i = 0; i < 2'000; ++i) peers.emplace_back(listener());
  EXPECT_TRUE(Counted("listener.handshake_timeouts", 1'000));
  EXPECT_LE(Growth("fds"), 600);
  // While they are still there.
  EXPECT_EQ(honest_.Command("newcomers"), "fine");
}

// As TwoThousandAtOnce, but the silent ones come back whenever they are turned away.
TEST_F(ConnectionAttack, SilentOnesThatComeBack) {
  std::deque<HostilePeer> peers;
  for (int i = 0; i < 3'000; ++i) {
    peers.emplace_back(listener());
    if (peers.size() > 600) peers.pop_front();
  }
  EXPECT_TRUE(Counted("listener.handshake_timeouts", 60));
}

TEST_F(ConnectionAttack, StormOfConnections) {
  for (int i = 0; i < 5'000; ++i) HostilePeer peer(i % 2 == 0 ? speaker() : listener());
  for (int i = 0; i < 1'000; ++i) {
    HostilePeer peer(i % 2 == 0 ? speaker() : listener());
    (void)peer.TrySend(HelloBytes(RandomId()));
  }
}

TEST_F(ConnectionAttack, ThreeHundredValidNodesOfOneProcess) {
  std::deque<HostilePeer> peers;
  for (int i = 0; i < 300; ++i) {
    peers.emplace_back(listener());
    EXPECT_TRUE(peers.back().Send(HelloBytes(RandomId())));
  }
  EXPECT_TRUE(Counted("listener.malformed", 40));
  EXPECT_LE(Growth("fds"), 300);
  EXPECT_EQ(honest_.Command("newcomers"), "fine");
}

}  // namespace
}  // namespace hostile
