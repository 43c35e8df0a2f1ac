// Attacks by a node that claims to publish.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "attack.h"

namespace hostile {
namespace {

const holler::TopicInfo kBeat = holler::InfoOf<BeatTopic>();

class PublisherCardAttack : public Attack {
 protected:
  void SetUp() override {
    Attack::SetUp();
    peer_.emplace(listener());
    peer_->Greet();
  }
  void TearDown() override {
    peer_.reset();
    Attack::TearDown();
  }

  // The listener refuses this fd as a segment of hostile/beat, and goes on listening to us.
  void ExpectRefused(int fd, const std::string& what) {
    ASSERT_TRUE(peer_->Send(PublisherCard(++id_, kBeat), {fd})) << what;
    const auto answer = peer_->ReceiveOnly(wire::Message_Refusal);
    ASSERT_TRUE(answer.has_value()) << what;
    EXPECT_EQ(answer->message.AsRefusal()->publisher, id_) << what;
    EXPECT_EQ(answer->message.AsRefusal()->code, wire::RefusalCode_Unusable) << what;
  }
  void ExpectRefused(const std::string& bytes, int seals, const std::string& what) {
    const holler::UniqueFd fd = MakeMemfd(bytes, seals);
    ASSERT_TRUE(fd) << what;
    ExpectRefused(fd.get(), what);
  }

  std::optional<HostilePeer> peer_;
  uint64_t id_ = 0;
};

TEST_F(PublisherCardAttack, UnknownTopic) {
  const auto segment = MakeSegment<BeatTopic>();
  holler::TopicInfo topic = kBeat;
  topic.name = "hostile/nobody_asked";
  for (uint64_t i = 1; i <= 1'000; ++i) {
    ASSERT_TRUE(peer_->Send(PublisherCard(i, topic), {segment.fd()}));
  }
  ExpectRefused(MakeMemfd("x", kAllSeals).get(), "after it");
}

TEST_F(PublisherCardAttack, WrongNumberOfFds) {
  const auto segment = MakeSegment<BeatTopic>();
  for (const size_t count : {0, 2, 3, 200}) {
    HostilePeer peer(listener());
    peer.Greet();
    ASSERT_TRUE(peer.Send(PublisherCard(1, kBeat), std::vector<int>(count, segment.fd())));
    EXPECT_TRUE(peer.IsClosed()) << count;
  }
  EXPECT_TRUE(Counted("listener.malformed", 4));
}

TEST_F(PublisherCardAttack, FdsWhereNoneBelong) {
  const holler::UniqueFd bell = MakeBell();
  for (const std::string& bytes : {Gone(1), Topics({}, {}), Confirmation(1, 1, 1)}) {
    HostilePeer peer(listener());
    peer.Greet();
    ASSERT_TRUE(peer.Send(bytes, {bell.get(), bell.get()}));
    EXPECT_TRUE(peer.IsClosed());
  }
  EXPECT_TRUE(Counted("listener.malformed", 3));
}

TEST_F(PublisherCardAttack, FdsOfOtherKinds) {
  int pipes[2];
  ASSERT_EQ(::pipe2(pipes, O_CLOEXEC), 0);
  const holler::UniqueFd in(pipes[0]);
  const holler::UniqueFd out(pipes[1]);
  const holler::UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const holler::UniqueFd directory(::open("/", O_RDONLY | O_CLOEXEC));
  const holler::UniqueFd path(::open("/", O_PATH | O_CLOEXEC));
  const holler::UniqueFd null(::open("/dev/zero", O_RDWR | O_CLOEXEC));
  const holler::UniqueFd bell = MakeBell();
  for (const int fd : {in.get(), out.get(), file.get(), directory.get(), path.get(), null.get(),
                       bell.get(), peer_->fd()}) {
    ExpectRefused(fd, std::to_string(fd));
  }
  EXPECT_TRUE(Counted("listener.refused_endpoints", 8));
}

TEST_F(PublisherCardAttack, SealsMissing) {
  const std::string bytes = BytesOf(MakeSegment<BeatTopic>());
  for (const int seals : {0, F_SEAL_SEAL, kAllSeals & ~F_SEAL_SHRINK, kAllSeals & ~F_SEAL_GROW,
                          kAllSeals & ~F_SEAL_FUTURE_WRITE, kAllSeals & ~F_SEAL_SEAL}) {
    ExpectRefused(bytes, seals, std::to_string(seals));
  }
  EXPECT_TRUE(Counted("listener.refused_endpoints", 6));
}

TEST_F(PublisherCardAttack, WrongSizes) {
  const std::string bytes = BytesOf(MakeSegment<BeatTopic>());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{512}, size_t{4'095}, size_t{4'096},
                            bytes.size() - 4'096, bytes.size() - 1}) {
    ExpectRefused(bytes.substr(0, size), kAllSeals, std::to_string(size));
  }
  ExpectRefused(bytes + "x", kAllSeals, "long");
  EXPECT_TRUE(Counted("listener.refused_endpoints", 8));
}

TEST_F(PublisherCardAttack, WrongHeader) {
  const std::string bytes = BytesOf(MakeSegment<BeatTopic>());
  const auto changed = [&](size_t at, const std::string& with) {
    std::string copy = bytes;
    copy.replace(at, with.size(), with);
    return copy;
  };
  using Header = holler::SegmentHeader;
  ExpectRefused(changed(offsetof(Header, magic), "x"), kAllSeals, "magic");
  ExpectRefused(changed(offsetof(Header, abi_version), "\x7F"), kAllSeals, "ABI");
  ExpectRefused(changed(offsetof(Header, header_bytes), "\x7F"), kAllSeals, "header");
  ExpectRefused(changed(offsetof(Header, fingerprint), "\x7F"), kAllSeals, "fingerprint");
  ExpectRefused(changed(offsetof(Header, topic_name), "hostile/note"), kAllSeals, "topic");
  ExpectRefused(changed(offsetof(Header, type_name), "hostile.Note"), kAllSeals, "type");
  ExpectRefused(changed(offsetof(Header, topic_name), std::string(128, 'x')), kAllSeals, "no end");
  ExpectRefused(changed(offsetof(Header, type_name), std::string(192, 'x')), kAllSeals, "no end");
  EXPECT_TRUE(Counted("listener.refused_endpoints", 8));
}

TEST_F(PublisherCardAttack, EveryFieldOfTheLayoutCorrupted) {
  const std::string bytes = BytesOf(MakeSegment<BeatTopic>());
  int64_t tried = 0;
  for (size_t at = 0; at < sizeof(holler::SegmentLayout); at += 4) {
    uint32_t right;
    char* const place = const_cast<char*>(bytes.data()) + offsetof(holler::SegmentHeader, layout);
    std::memcpy(&right, place + at, sizeof(right));
    for (const uint32_t wrong : {right + 1, right - 1, right * 2 + 64, 0u, 1u, 0x7FFF'FFFFu,
                                 0x8000'0000u, 0xFFFF'FFFFu, right ^ 0x0001'0000u}) {
      if (wrong == right) continue;
      std::string copy = bytes;
      std::memcpy(copy.data() + offsetof(holler::SegmentHeader, layout) + at, &wrong, 4);
      holler::SegmentLayout layout;
      std::memcpy(&layout, copy.data() + offsetof(holler::SegmentHeader, layout), sizeof(layout));
      if (holler::IsConsistent(layout)) continue;  // Another layout, and a right one.
      ExpectRefused(copy, kAllSeals, "at " + std::to_string(at) + ": " + std::to_string(wrong));
      ++tried;
    }
  }
  EXPECT_GT(tried, 100);
  EXPECT_TRUE(Counted("listener.refused_endpoints", tried));
}

TEST_F(PublisherCardAttack, AnotherTypeUnderTheName) {
  holler::TopicInfo topic = holler::InfoOf<NoteTopic>();
  topic.name = kBeat.name;
  const auto segment = holler::Segment::Create(topic);
  ASSERT_TRUE(segment.ok());
  ASSERT_TRUE(peer_->Send(PublisherCard(1, topic), {segment->fd()}));
  EXPECT_TRUE(peer_->ReceiveOnly(wire::Message_Refusal).has_value());
  EXPECT_TRUE(Counted("listener.refused_endpoints"));
}

// The schema is read only if fingerprints differ: so they do.
TEST_F(PublisherCardAttack, GarbageForASchema) {
  std::vector<uint8_t> schema(kBeat.schema.begin(), kBeat.schema.end());
  for (size_t i = 0; i < schema.size(); i += 3) {
    schema[i] ^= 0xFF;
    holler::TopicInfo topic = kBeat;
    topic.fingerprint ^= 1;
    topic.schema = schema;
    const auto segment = holler::Segment::Create(topic);
    ASSERT_TRUE(segment.ok());
    ASSERT_TRUE(peer_->Send(PublisherCard(++id_, topic), {segment->fd()}));
    ASSERT_TRUE(peer_->Send(Gone(id_)));
  }
  EXPECT_TRUE(Counted("listener.refused_endpoints", 50));
  most_lines_ = 1'100;
}

TEST_F(PublisherCardAttack, Replayed) {
  const auto segment = MakeSegment<BeatTopic>();
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(peer_->Send(PublisherCard(1, kBeat), {segment.fd()}));
  }
  const auto card = peer_->ReceiveOnly(wire::Message_SubscriberCard);
  ASSERT_TRUE(card.has_value());
  id_ = 1;
  ExpectRefused(MakeMemfd("x", kAllSeals).get(), "after it");
  EXPECT_LE(Growth("fds"), 20);
}

// Publishers without number that are never confirmed: each costs the subscriber a page and a bell.
TEST_F(PublisherCardAttack, ThousandsOfPublishers) {
  const auto segment = MakeSegment<BeatTopic>();
  int64_t most = 0;
  for (uint64_t i = 1; i <= 9'000; ++i) {
    if (!peer_->Send(PublisherCard(i, kBeat), {segment.fd()})) break;
    if (i % 100 == 0) most = std::max(most, Growth("fds"));
  }
  EXPECT_LE(most, 1'100);
  EXPECT_TRUE(Counted("listener.refused_endpoints", 1'000));
  EXPECT_EQ(honest_.Command("newcomers"), "fine");
}

// Confirmed and gone again, thousands of times.
TEST_F(PublisherCardAttack, PublishersThatComeAndGo) {
  const auto segment = MakeSegment<BeatTopic>();
  for (uint64_t i = 1; i <= 3'000; ++i) {
    ASSERT_TRUE(peer_->Send(PublisherCard(i, kBeat), {segment.fd()}));
    const auto card = peer_->ReceiveOnly(wire::Message_SubscriberCard);
    ASSERT_TRUE(card.has_value());
    ASSERT_TRUE(peer_->Send(Confirmation(i, card->message.AsSubscriberCard()->subscriber, 0)));
    ASSERT_TRUE(peer_->Send(Gone(i)));
  }
  EXPECT_LE(Growth("fds"), 100);
}

TEST_F(PublisherCardAttack, HugePagesThatAreNotThere) {
  const size_t size = 2 << 20;
  const holler::UniqueFd fd(
      ::memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB));
  if (!fd || ::ftruncate(fd.get(), size) != 0 || ::fcntl(fd.get(), F_ADD_SEALS, kAllSeals) != 0) {
    GTEST_SKIP() << "no hugetlbfs here";
  }
  ExpectRefused(fd.get(), "hugetlb");
}

}  // namespace
}  // namespace hostile
