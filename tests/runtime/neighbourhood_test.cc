#include "holler/neighbourhood.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domain.h"
#include "gtest/gtest.h"
#include "process_support.h"

namespace holler {
namespace {

NodeAddress SomeAddress(uint64_t low) {
  return {NextDomain(), ::geteuid(), wire::NodeId(static_cast<uint64_t>(::getpid()), low)};
}

bool IsSwept(const NodeAddress& address) {
  const auto nodes = SweepNodes();
  if (!nodes.ok()) ADD_FAILURE() << nodes.status();
  return nodes.ok() && std::any_of(nodes->begin(), nodes->end(), [&](const NodeAddress& node) {
           return node.domain == address.domain && node.uid == address.uid && node.id == address.id;
         });
}

TEST(AbstractName, ComesBack) {
  const NodeAddress address{4'999, 65'534, wire::NodeId(1, 0xABC)};
  EXPECT_EQ(ToAbstractName(address), "holler/4999/65534/00000000000000010000000000000abc");
  const auto parsed = ParseAbstractName(ToAbstractName(address));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->domain, 4'999u);
  EXPECT_EQ(parsed->uid, 65'534u);
  EXPECT_EQ(parsed->id, address.id);
}

TEST(AbstractName, TheLongestFits) {
  const NodeAddress address{UINT32_MAX, UINT32_MAX, wire::NodeId(UINT64_MAX, UINT64_MAX)};
  EXPECT_LT(ToAbstractName(address).size(), sizeof(sockaddr_un::sun_path));
  EXPECT_TRUE(ParseAbstractName(ToAbstractName(address)).has_value());
}

TEST(AbstractName, OthersAreRefused) {
  const std::string id(32, '0');
  const std::vector<std::string> others = {"",
                                           "holler",
                                           "holler/0/0",
                                           "holler/0/0/",
                                           "holler/0/0/" + id + "0",
                                           "holler/0/0/" + id + "/",
                                           "hollers/0/0/" + id,
                                           "/holler/0/0/" + id,
                                           "holler//0/" + id,
                                           "holler/-1/0/" + id,
                                           "holler/+1/0/" + id,
                                           "holler/ 1/0/" + id,
                                           "holler/1x/0/" + id,
                                           "holler/4294967296/0/" + id,
                                           "holler/0/4294967296/" + id,
                                           "holler/0/0/" + id.substr(1),
                                           "holler/0/0/" + std::string(32, 'A'),
                                           "holler/0/0/" + id + "\n",
                                           std::string(10'000, '/'),
                                           std::string("holler/0/0/\0", 12) + id};
  for (const std::string& name : others) {
    EXPECT_FALSE(ParseAbstractName(name).has_value()) << name;
  }
}

TEST(Connect, ReachesWhoListens) {
  const NodeAddress address = SomeAddress(1);
  auto listener = Listen(address);
  ASSERT_TRUE(listener.ok()) << listener.status();
  auto caller = Connect(address);
  ASSERT_TRUE(caller.ok()) << caller.status();
  const UniqueFd accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted);
  EXPECT_EQ(::send(caller->get(), "x", 1, 0), 1);
  char c = 0;
  EXPECT_EQ(::recv(accepted.get(), &c, 1, 0), 1);
  EXPECT_EQ(c, 'x');
}

TEST(Connect, SaysThatNobodyListens) {
  EXPECT_TRUE(absl::IsNotFound(Connect(SomeAddress(2)).status()));
}

TEST(Connect, SaysThatTheBacklogIsFull) {
  const NodeAddress address = SomeAddress(3);
  auto listener = Listen(address);
  ASSERT_TRUE(listener.ok());
  ASSERT_EQ(::listen(listener->get(), 2), 0);
  std::vector<UniqueFd> callers;
  absl::Status status;
  while (status.ok() && callers.size() < 10) {
    auto caller = Connect(address);
    status = caller.status();
    if (caller.ok()) callers.push_back(std::move(*caller));
  }
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

TEST(Listen, TwoCannotShareAnAddress) {
  const NodeAddress address = SomeAddress(4);
  auto first = Listen(address);
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(Listen(address).ok());
  first->reset();
  EXPECT_TRUE(Listen(address).ok()) << "the address goes with its socket";
}

TEST(Listen, LimitsAreNamed) {
  const NodeAddress address = SomeAddress(5);
  const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
  EXPECT_NE(Listen(address).status().message().find("RLIMIT_NOFILE"), std::string::npos);
  EXPECT_NE(Connect(address).status().message().find("RLIMIT_NOFILE"), std::string::npos);
}

TEST(SweepNodes, FindsThoseThatListen) {
  const NodeAddress address = SomeAddress(6);
  EXPECT_FALSE(IsSwept(address));
  auto listener = Listen(address);
  ASSERT_TRUE(listener.ok());
  EXPECT_TRUE(IsSwept(address));
  auto caller = Connect(address);
  const UniqueFd accepted(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_TRUE(IsSwept(address));
  listener->reset();
  // The accepted socket still bears the name, but nobody listens.
  EXPECT_FALSE(IsSwept(address));
}

TEST(SweepNodes, FindsManyOnce) {
  std::vector<NodeAddress> addresses;
  std::vector<UniqueFd> listeners;
  for (uint64_t i = 0; i < 300; ++i) {
    addresses.push_back(SomeAddress(1'000 + i));
    listeners.push_back(std::move(*Listen(addresses.back())));
  }
  const auto nodes = SweepNodes();
  ASSERT_TRUE(nodes.ok());
  for (const NodeAddress& address : addresses) {
    EXPECT_EQ(std::count_if(nodes->begin(), nodes->end(),
                            [&](const NodeAddress& node) { return node.id == address.id; }),
              1);
  }
}

// What a sweep says of the topics at `address`; nothing at all without a node there.
std::optional<std::optional<TopicFilter>> SweptTopics(const NodeAddress& address) {
  const auto nodes = SweepNodes();
  if (!nodes.ok()) return std::nullopt;
  for (const SweptNode& node : *nodes) {
    if (node.id == address.id) return node.topics;
  }
  return std::nullopt;
}

TEST(SweepNodes, ReadsWhatIsShown) {
  const NodeAddress address = SomeAddress(8);
  const TopicFilter first({1, 2}, {3});
  auto shown = ShowTopics(address, first);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_FALSE(SweptTopics(address).has_value()) << "nobody listens";
  const auto listener = Listen(address);
  ASSERT_TRUE(listener.ok());
  EXPECT_EQ(SweptTopics(address), std::optional(first));

  const TopicFilter second({}, {4});
  auto changed = ShowTopics(address, second);
  ASSERT_TRUE(changed.ok());
  TopicFilter both = first;
  both.Merge(second);
  EXPECT_EQ(SweptTopics(address), std::optional(both)) << "or a lie could hide the truth";
  shown->reset();
  EXPECT_EQ(SweptTopics(address), std::optional(second));
  changed->reset();
  const auto none = SweptTopics(address);
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->has_value()) << "it has to be asked";
}

TEST(SweepNodes, ALongestAddressHasRoomForItsTopics) {
  const NodeAddress longest{kMaxDomain, 4'294'967'295, SomeAddress(9).id};
  const auto listener = Listen(longest);
  ASSERT_TRUE(listener.ok());
  const auto shown = ShowTopics(longest, TopicFilter({1}, {}));
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(SweptTopics(longest), std::optional(TopicFilter({1}, {})));
}

// Others may bind any name, with newlines in it as well.
TEST(SweepNodes, IsNotConfusedByOtherNames) {
  std::vector<UniqueFd> sockets;
  for (const std::string& name :
       {std::string("holler/0/0/nonsense"), std::string("holler/"), std::string("\n"),
        std::string("holler/0/0/") + std::string(90, '0'), std::string("a @b @c"),
        std::string("\n\n @holler/1/1/"), std::string(107, '\n'), std::string(5, '\0')}) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string own = name.substr(0, sizeof(address.sun_path) - 1);
    std::memcpy(address.sun_path + 1, own.data(), own.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + own.size());
    // Another run of this test may have the name.
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) continue;
    ASSERT_EQ(::listen(socket.get(), 1), 0);
    sockets.push_back(std::move(socket));
  }
  const NodeAddress address = SomeAddress(7);
  auto listener = Listen(address);
  EXPECT_TRUE(IsSwept(address));
}

// ---- Multicast ----

class MulticastTest : public testing::Test {
 protected:
  void SetUp() override {
    auto a = MulticastGroup::Join(domain_, "127.0.0.1");
    if (!a.ok()) GTEST_SKIP() << a.status();
    a_ = std::make_unique<MulticastGroup>(std::move(*a));
  }
  std::unique_ptr<MulticastGroup> Join(uint32_t domain) {
    auto group = MulticastGroup::Join(domain, "127.0.0.1");
    EXPECT_TRUE(group.ok()) << group.status();
    return std::make_unique<MulticastGroup>(std::move(*group));
  }
  // The next datagram, once it is there.
  std::string Await(MulticastGroup& group) {
    pollfd poll{group.fd(), POLLIN, 0};
    if (::poll(&poll, 1, 60'000) != 1) return "timeout";
    return std::string(group.Receive(buffer_.get()).value_or("nothing"));
  }

  const uint32_t domain_ = NextDomain();
  std::unique_ptr<MulticastGroup> a_;
  const std::unique_ptr<char[]> buffer_{new char[kMaxMessageBytes]};
};

TEST_F(MulticastTest, EveryMemberHears) {
  auto b = Join(domain_);
  auto c = Join(domain_);
  EXPECT_FALSE(b->Receive(buffer_.get()).has_value());
  ASSERT_TRUE(a_->Send("first").ok());
  ASSERT_TRUE(a_->Send("second").ok());
  for (MulticastGroup* group : {a_.get(), b.get(), c.get()}) {
    EXPECT_EQ(Await(*group), "first");
    EXPECT_EQ(Await(*group), "second");
    EXPECT_FALSE(group->Receive(buffer_.get()).has_value());
  }
}

TEST_F(MulticastTest, OtherDomainsDoNot) {
  auto b = Join(NextDomain());
  ASSERT_TRUE(a_->Send("first").ok());
  EXPECT_EQ(Await(*a_), "first");
  EXPECT_FALSE(b->Receive(buffer_.get()).has_value());
}

TEST(MulticastGroup, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "localhost", "127.0.0.1.1", "::1", "256.0.0.1"}) {
    const absl::Status status = MulticastGroup::Join(0, address).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << address << ": " << status;
  }
}

TEST(MulticastGroup, SaysThatAnInterfaceIsMissing) {
  const absl::Status status = MulticastGroup::Join(NextDomain(), "192.0.2.1").status();
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("192.0.2.1"), std::string::npos) << status;
}

}  // namespace
}  // namespace holler
