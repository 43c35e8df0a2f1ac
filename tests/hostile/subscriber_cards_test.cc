// Attacks by a node that claims to subscribe, and by messages about endpoints of others.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "attack.h"

namespace hostile {
namespace {

class SubscriberCardAttack : public Attack {
 protected:
  void SetUp() override {
    Attack::SetUp();
    peer_.emplace(speaker());
    peer_->Greet();
    // The speaker introduces both of its publishers.
    while (beat_ == 0 || rare_ == 0) {
      const auto card = peer_->ReceiveOnly(wire::Message_PublisherCard);
      ASSERT_TRUE(card.has_value());
      const auto& publisher = *card->message.AsPublisherCard();
      (publisher.topic == BeatTopic::kName ? beat_ : rare_) = publisher.publisher;
    }
  }
  void TearDown() override {
    peer_.reset();
    Attack::TearDown();
  }

  void ExpectRefused(int page, int bell, const std::string& what) {
    ASSERT_TRUE(peer_->Send(SubscriberCard(++id_, beat_), {page, bell})) << what;
    const auto answer = peer_->ReceiveOnly(wire::Message_Refusal);
    ASSERT_TRUE(answer.has_value()) << what;
    EXPECT_EQ(answer->message.AsRefusal()->subscriber, id_) << what;
    EXPECT_EQ(answer->message.AsRefusal()->code, wire::RefusalCode_Unusable) << what;
  }
  // Hands over a page that the caller goes on writing, and is confirmed.
  holler::OwnPage Join(int bell) {
    auto page = holler::OwnPage::Create(4);
    EXPECT_TRUE(page.ok());
    EXPECT_TRUE(peer_->Send(SubscriberCard(++id_, beat_), {page->fd(), bell}));
    EXPECT_TRUE(peer_->ReceiveOnly(wire::Message_Confirmation).has_value());
    return std::move(*page);
  }
  // Lets the publisher publish `count` samples.
  void LetItPublish(int64_t count) {
    const int64_t start = Value("taken");
    EXPECT_TRUE(Await([&] { return Value("taken") >= start + count; }));
  }

  std::optional<HostilePeer> peer_;
  uint64_t beat_ = 0;
  uint64_t rare_ = 0;
  uint64_t id_ = 0;
};

TEST_F(SubscriberCardAttack, UnknownPublisher) {
  const holler::UniqueFd page = MakePage();
  const holler::UniqueFd bell = MakeBell();
  for (uint64_t i = 1; i <= 1'000; ++i) {
    ASSERT_TRUE(peer_->Send(SubscriberCard(i, 1'000'000 + i), {page.get(), bell.get()}));
  }
  Join(bell.get());
}

TEST_F(SubscriberCardAttack, Replayed) {
  const holler::UniqueFd page = MakePage();
  const holler::UniqueFd bell = MakeBell();
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(peer_->Send(SubscriberCard(1, beat_), {page.get(), bell.get()}));
  }
  EXPECT_TRUE(Counted("speaker.malformed", 999));
  EXPECT_LE(Growth("fds"), 10);
}

TEST_F(SubscriberCardAttack, WrongNumberOfFds) {
  const holler::UniqueFd bell = MakeBell();
  for (const size_t count : {0, 1, 3, 200}) {
    HostilePeer peer(speaker());
    peer.Greet();
    ASSERT_TRUE(peer.Send(SubscriberCard(1, beat_), std::vector<int>(count, bell.get())));
    EXPECT_TRUE(peer.IsClosed()) << count;
  }
  EXPECT_TRUE(Counted("speaker.malformed", 4));
}

TEST_F(SubscriberCardAttack, BadPages) {
  const holler::UniqueFd bell = MakeBell();
  const auto good = holler::OwnPage::Create(4);
  ASSERT_TRUE(good.ok());
  const std::string bytes(reinterpret_cast<const char*>(good->get()), holler::kPageBytes);
  const auto refused = [&](const std::string& page, int seals, const char* what) {
    const holler::UniqueFd fd = MakeMemfd(page, seals);
    ExpectRefused(fd.get(), bell.get(), what);
  };
  refused(bytes.substr(0, 64), kAllSeals, "short");
  refused("", kAllSeals, "empty");
  refused(bytes + bytes, kAllSeals, "long");
  refused(bytes, 0, "unsealed");
  refused(bytes, kAllSeals & ~F_SEAL_SHRINK, "may shrink");
  refused(std::string(bytes.size(), '\0'), kAllSeals, "no magic");
  std::string other = bytes;
  other[offsetof(holler::SubscriberPage, abi_version)] ^= 0x7F;
  refused(other, kAllSeals, "ABI");
  ExpectRefused(bell.get(), bell.get(), "a bell");
  ExpectRefused(peer_->fd(), bell.get(), "a socket");
  EXPECT_TRUE(Counted("speaker.refused_endpoints", 9));
}

TEST_F(SubscriberCardAttack, BadDoorbells) {
  const holler::UniqueFd page = MakePage();
  int pipes[2];
  ASSERT_EQ(::pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
  const holler::UniqueFd in(pipes[0]);
  const holler::UniqueFd out(pipes[1]);
  const holler::UniqueFd file = MakeMemfd("file", 0);
  const holler::UniqueFd counter(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const holler::UniqueFd path(::open("/", O_PATH | O_CLOEXEC));
  const holler::UniqueFd lonely(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const holler::UniqueFd internet(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  int streams[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, streams), 0);
  const holler::UniqueFd here(streams[0]);
  const holler::UniqueFd there(streams[1]);
  // One that leads to a socket with a name, which is somebody else's.
  const holler::UniqueFd named(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const holler::UniqueFd leading(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t size = sizeof(address);
  // A bind without a name has the kernel choose an abstract one (unix(7)).
  ASSERT_EQ(::bind(named.get(), reinterpret_cast<sockaddr*>(&address), sizeof(sa_family_t)), 0);
  ASSERT_EQ(::getsockname(named.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(::connect(leading.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  const int bells[] = {in.get(),   out.get(),    file.get(),     counter.get(), path.get(),
                       page.get(), lonely.get(), internet.get(), leading.get(), here.get()};
  for (const int bell : bells) ExpectRefused(page.get(), bell, std::to_string(bell));
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_END), 4);
  EXPECT_TRUE(Counted("speaker.refused_endpoints", std::size(bells)));
}

// The open file behind a bell is shared: here its owner lets it block, and never hears it.
TEST_F(SubscriberCardAttack, AFullDoorbellThatBlocks) {
  const holler::UniqueFd bell = MakeBell();
  const holler::OwnPage page = Join(bell.get());
  ASSERT_EQ(::fcntl(bell.get(), F_SETFL, 0), 0);
  while (::send(bell.get(), "", 0, MSG_DONTWAIT) == 0) {
  }
  ASSERT_EQ(errno, EAGAIN);
  for (uint32_t i = 1; i <= 200; ++i) {
    page.get()->armed.store(holler::ArmedWord(1'000'000 + i, holler::WakeBy::kBell));
    LetItPublish(1);
  }
}

TEST_F(SubscriberCardAttack, PinsOutOfRangeAndFlickering) {
  const holler::UniqueFd bell = MakeBell();
  const holler::OwnPage page = Join(bell.get());
  for (const uint32_t pin : {0xFFFF'FFFFu, 0x8000'0000u, BeatTopic::kLayout.slot_count + 1}) {
    for (auto& place : page.get()->pins) place.store(pin);
    LetItPublish(100);
  }
  std::atomic<bool> stop{false};
  std::thread flicker([&] {
    for (uint32_t i = 0; !stop; ++i) page.get()->pins[i % 63].store(i * 2'654'435'761u >> 16);
  });
  LetItPublish(1'000);
  stop = true;
  flicker.join();
}

TEST_F(SubscriberCardAttack, EverythingPinned) {
  const holler::UniqueFd bell = MakeBell();
  std::deque<holler::OwnPage> pages;
  // As many places as there are, but for those of the honest ones and of the newcomers after.
  for (uint32_t i = 0; i < 60; ++i) {
    pages.push_back(Join(bell.get()));
    for (uint32_t pin = 0; pin < 63; ++pin) pages.back().get()->pins[pin].store(i * 4 + pin + 1);
  }
  LetItPublish(10'000);
}

TEST_F(SubscriberCardAttack, ArmedWordThatNeverRests) {
  const holler::UniqueFd bell = MakeBell();
  const holler::OwnPage page = Join(bell.get());
  std::atomic<bool> stop{false};
  std::thread flicker([&] {
    for (uint32_t i = 1; !stop; ++i) page.get()->armed.store(i);  // Now for a bell, now for none.
  });
  LetItPublish(1'000);
  stop = true;
  flicker.join();
}

TEST_F(SubscriberCardAttack, MoreSubscribersThanPlaces) {
  const holler::UniqueFd bell = MakeBell();
  const holler::UniqueFd page = MakePage();
  for (uint64_t i = 1; i <= 1'000; ++i) {
    ASSERT_TRUE(peer_->Send(SubscriberCard(i, rare_), {page.get(), bell.get()}));
  }
  EXPECT_TRUE(Counted("speaker.refused_endpoints", 998));
  EXPECT_LE(Growth("fds"), 2 + 256 + 10);
}

TEST_F(SubscriberCardAttack, ConfirmationNobodyAskedFor) {
  for (const uint64_t publisher : {0, 1}) {
    HostilePeer peer(listener());
    peer.Greet();
    for (uint64_t i = 0; i < 10; ++i) {
      (void)peer.Send(Confirmation(publisher, i, UINT64_MAX));
    }
    EXPECT_TRUE(peer.IsClosed());
  }
  EXPECT_TRUE(Counted("listener.malformed", 2));
}

// Every id that the honest endpoints could have: none of them is the sender's.
TEST_F(SubscriberCardAttack, RefusalsAndGonesForOthers) {
  HostilePeer other(listener());
  other.Greet();
  for (uint64_t publisher = 0; publisher < 8; ++publisher) {
    for (uint64_t subscriber = 0; subscriber < 8; ++subscriber) {
      for (const auto code :
           {wire::RefusalCode_Incompatible, wire::RefusalCode_Full, wire::RefusalCode_Unusable,
            wire::RefusalCode_Exhausted, wire::RefusalCode_Stalled}) {
        for (const bool by_publisher : {false, true}) {
          const std::string refusal = Refusal(by_publisher, publisher, subscriber, code);
          ASSERT_TRUE(peer_->Send(refusal));
          ASSERT_TRUE(other.Send(refusal));
        }
      }
    }
    ASSERT_TRUE(peer_->Send(Gone(publisher)));
    ASSERT_TRUE(other.Send(Gone(publisher)));
  }
  LetItPublish(100);
}

TEST_F(SubscriberCardAttack, TenThousandTopics) {
  std::vector<uint64_t> many(holler::kMaxTopicsPerList);
  for (size_t i = 0; i < many.size(); ++i) many[i] = i;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(peer_->Send(i % 100 == 0 ? Topics(many, many) : Topics({}, {})));
  }
}

// Each time it comes back, the publisher's card and its fd are due to it.
TEST_F(SubscriberCardAttack, TopicsChurnButNobodyReads) {
  const std::string none = Topics({}, {});
  const std::string all = Topics({}, {holler::TopicHash(BeatTopic::kName)});
  bool open = true;
  int64_t most = 0;
  for (int i = 0; i < 15'000 && open; ++i) {
    open = peer_->Send(none) && peer_->Send(all);
    if (i % 1'000 == 0) most = std::max(most, Growth("fds"));
  }
  LetItPublish(100);
  EXPECT_LE(std::max(most, Growth("fds")), 500);
}

}  // namespace
}  // namespace hostile
