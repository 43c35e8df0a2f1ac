// Attacks with datagrams.
#include <string>

#include "attack.h"

namespace hostile {
namespace {

using HollerAttack = Attack;

TEST_F(HollerAttack, Garbage) {
  for (size_t size : {0, 1, 7, 64, 1'500}) Shout(std::string(size, '\xA5'));
  EXPECT_TRUE(Counted("speaker.malformed", 5));
  EXPECT_TRUE(Counted("listener.malformed", 5));
}

TEST_F(HollerAttack, TruncatedAtEveryLength) {
  const std::string whole = holler::EncodeHoller(MakeHoller(RandomId()));
  for (size_t size = 0; size < whole.size(); ++size) Shout(whole.substr(0, size));
  EXPECT_TRUE(Counted("listener.malformed", static_cast<int64_t>(whole.size() / 2)));
}

TEST_F(HollerAttack, EveryByteChanged) {
  const std::string whole = holler::EncodeHoller(MakeHoller(RandomId()));
  for (size_t i = 0; i < whole.size(); ++i) {
    for (const char change : {'\x01', '\x80', '\xFF'}) {
      std::string bytes = whole;
      bytes[i] = static_cast<char>(bytes[i] ^ change);
      Shout(bytes);
    }
  }
  EXPECT_TRUE(Counted("listener.malformed"));
  // A changed version is another version each time.
  most_lines_ = 60;
}

TEST_F(HollerAttack, Oversized) {
  Shout(std::string(65'507, 'x'));
  Shout(holler::EncodeHoller(MakeHoller(RandomId())) + std::string(65'000, '\0'));
  EXPECT_TRUE(Counted("listener.malformed"));
}

TEST_F(HollerAttack, ReplayedTenThousandTimes) {
  Shout(holler::EncodeHoller(MakeHoller(RandomId())), 10'000);
  EXPECT_TRUE(Counted("listener.hollers_received", 100));
}

TEST_F(HollerAttack, HonestOnesReplayed) {
  Shout(holler::EncodeHoller(MakeHoller(speaker())), 5'000);
  Shout(holler::EncodeHoller(MakeHoller(listener())), 5'000);
  EXPECT_TRUE(Counted("listener.hollers_received", 100));
  EXPECT_TRUE(Counted("speaker.hollers_received", 100));
}

TEST_F(HollerAttack, NodesThatDoNotExist) {
  for (int i = 0; i < 5'000; ++i) Shout(holler::EncodeHoller(MakeHoller(RandomId())));
  EXPECT_TRUE(Counted("listener.hollers_received", 100));
}

TEST_F(HollerAttack, AnotherAbiVersion) {
  auto holler = MakeHoller(RandomId());
  holler.abi_version = holler::kAbiVersion + 1;
  Shout(holler::EncodeHoller(holler), 100);
  EXPECT_TRUE(Counted("listener.refused_versions"));
}

TEST_F(HollerAttack, AnotherDomain) {
  auto holler = MakeHoller(RandomId());
  holler.domain = Domain() + 1;
  Shout(holler::EncodeHoller(holler), 100);
  Shout("an end");
  EXPECT_TRUE(Counted("listener.malformed"));
  EXPECT_EQ(Growth("listener.hollers_received"), 0);
}

TEST_F(HollerAttack, AnotherUser) {
  const wire::NodeId id = RandomId();
  const holler::UniqueFd socket = ListenAs(id);
  auto holler = MakeHoller(id);
  holler.uid = ::geteuid() + 1;
  Shout(holler::EncodeHoller(holler), 100);
  EXPECT_TRUE(Counted("listener.hollers_received"));
}

TEST_F(HollerAttack, ThousandsOfTopics) {
  auto holler = MakeHoller(RandomId());
  for (uint64_t i = 0; i < 3'800; ++i) holler.publishes.push_back(i);
  Shout(holler::EncodeHoller(holler), 200);
  EXPECT_TRUE(Counted("listener.malformed"));
}

// A node that listens but never answers whoever calls it, many times over.
TEST_F(HollerAttack, NodesThatAreCalledAndStaySilent) {
  std::vector<holler::UniqueFd> sockets;
  for (int i = 0; i < 1'000; ++i) {
    const wire::NodeId id = RandomId();
    sockets.push_back(ListenAs(id));
    Shout(holler::EncodeHoller(MakeHoller(id)));
  }
  EXPECT_TRUE(Counted("listener.hollers_received", 100));
  EXPECT_LE(Growth("fds"), 2 * 256 + 20);
  sockets.clear();
}

}  // namespace
}  // namespace hostile
