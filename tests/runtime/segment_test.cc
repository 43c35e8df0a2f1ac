#include "holler/segment.h"

#include <sys/stat.h>
#include <sys/syscall.h>

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "process_support.h"
#include "segment_support.h"

namespace holler {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(Segment, IsMappedAsItWasMade) {
  auto segment = Segment::Create(TestTopic());
  ASSERT_TRUE(segment.ok()) << segment.status();
  EXPECT_EQ(segment->size(), TestTopic().layout.segment_bytes);
  auto peer = PeerSegment::Map(Dup(segment->fd()));
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ((*peer)->layout(), TestTopic().layout);
  EXPECT_EQ((*peer)->fingerprint(), TestTopic().fingerprint);
  EXPECT_EQ((*peer)->topic_name(), "test/segment");
  EXPECT_EQ((*peer)->type_name(), "test.Segment");
  EXPECT_EQ((*peer)->CopySchema(), std::string(std::begin(kTestSchema), std::end(kTestSchema)));
  EXPECT_NE((*peer)->data(), segment->data());
}

TEST(Segment, PeersSeeWhatIsWritten) {
  auto segment = Segment::Create(TestTopic());
  auto peer = PeerSegment::Map(Dup(segment->fd()));
  std::byte* slot = segment->data() + segment->layout().slots_offset;
  *slot = std::byte{42};
  EXPECT_EQ((*peer)->data()[segment->layout().slots_offset], std::byte{42});
}

TEST(Segment, LongestNamesFit) {
  const std::string topic(kTopicNameMax, 't');
  const std::string type(kTypeNameMax, 'T');
  TopicInfo info = TestTopic();
  info.name = topic;
  info.type_name = type;
  auto segment = Segment::Create(info);
  ASSERT_TRUE(segment.ok());
  auto peer = PeerSegment::Map(Dup(segment->fd()));
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ((*peer)->topic_name(), topic);
  EXPECT_EQ((*peer)->type_name(), type);
}

TEST(Segment, OutlivesItsMaker) {
  auto segment = Segment::Create(TestTopic());
  segment->data()[segment->layout().slots_offset] = std::byte{7};
  auto peer = PeerSegment::Map(Dup(segment->fd()));
  { const Segment gone = std::move(*segment); }
  EXPECT_EQ((*peer)->data()[(*peer)->layout().slots_offset], std::byte{7});
}

TEST(Segment, UntouchedMemoryCostsNothing) {
  TopicInfo topic = TestTopic({.depth = 100, .payload_bytes = 1 << 20});
  auto segment = Segment::Create(topic);
  ASSERT_TRUE(segment.ok()) << segment.status();
  struct stat st {};
  ASSERT_EQ(::fstat(segment->fd(), &st), 0);
  EXPECT_GT(st.st_size, 100 << 20);
  EXPECT_LE(st.st_blocks * 512, 64 * 1'024);
}

TEST(Segment, RefusesALayoutThatContradictsItself) {
  TopicInfo topic = TestTopic();
  topic.layout.slot_count += 1;
  EXPECT_TRUE(absl::IsInvalidArgument(Segment::Create(topic).status()));
  topic = TestTopic();
  topic.schema = topic.schema.first(7);
  EXPECT_TRUE(absl::IsInvalidArgument(Segment::Create(topic).status()));
}

// Publish would have to wait for room, or overwrite.
TEST(Segment, RefusesAReliableTopicThatLendsMoreThanItKeeps) {
  TopicInfo topic = TestTopic({.depth = 2, .max_loans = 3});
  EXPECT_TRUE(Segment::Create(topic).ok());
  topic.reliable = true;
  EXPECT_TRUE(absl::IsInvalidArgument(Segment::Create(topic).status()));
  topic = TestTopic({.depth = 3, .max_loans = 3});
  topic.reliable = true;
  EXPECT_TRUE(Segment::Create(topic).ok());
}

TEST(Segment, IsClosedOnExecAndNotForked) {
  auto segment = Segment::Create(TestTopic());
  EXPECT_NE(::fcntl(segment->fd(), F_GETFD) & FD_CLOEXEC, 0);
  // mincore(2) fails for memory that is not mapped.
  const int status = InChild([&] {
    unsigned char pages[1];
    return ::mincore(segment->data(), kPageBytes, pages) == 0 ? 1 : 0;
  });
  EXPECT_TRUE(ExitedWith(status, 0)) << "the child can write the publisher's segment";
}

// ---- Seals ----

TEST(Seals, NobodyElseCanChangeASegment) {
  auto segment = Segment::Create(TestTopic());
  EXPECT_EQ(::fcntl(segment->fd(), F_GET_SEALS) & kAllSeals, kAllSeals);
  EXPECT_THAT(TryToChange(segment->fd()), IsEmpty());
}

TEST(Seals, NobodyElseCanChangeAPage) {
  auto page = OwnPage::Create(2);
  ASSERT_TRUE(page.ok());
  EXPECT_THAT(TryToChange(page->fd()), IsEmpty());
}

TEST(Seals, TheTestSeesWhatIsNotSealed) {
  const UniqueFd open = MakeMemfd(std::string(4'096, 'x'), 0);
  EXPECT_FALSE(TryToChange(open.get()).empty());
}

TEST(Seals, TheMakerCanStillWrite) {
  auto segment = Segment::Create(TestTopic());
  std::memset(segment->data() + segment->layout().slots_offset, 1,
              segment->size() - segment->layout().slots_offset);
  auto page = OwnPage::Create(2);
  page->get()->pins[0].store(1);
  EXPECT_EQ(page->get()->pins[0].load(), 1u);
}

// ---- What a peer may hand over ----

std::string GoodSegment() { return ReadAll(Segment::Create(TestTopic())->fd()); }
std::string GoodPage() { return ReadAll(OwnPage::Create(2)->fd()); }

struct Forgery {
  std::string name;
  std::function<UniqueFd()> make;
  std::string why;
};
void PrintTo(const Forgery& forgery, std::ostream* out) { *out << forgery.name; }

Forgery Edited(std::string name, std::function<void(SegmentHeader&)> edit, std::string why) {
  return {std::move(name),
          [edit] {
            std::string bytes = GoodSegment();
            SegmentHeader header;
            std::memcpy(&header, bytes.data(), sizeof(header));
            edit(header);
            std::memcpy(bytes.data(), &header, sizeof(header));
            return MakeMemfd(bytes, kAllSeals);
          },
          std::move(why)};
}

Forgery WithSeals(std::string name, int seals) {
  return {std::move(name), [seals] { return MakeMemfd(GoodSegment(), seals); }, "not sealed"};
}

class ForgedSegment : public testing::TestWithParam<Forgery> {};

TEST_P(ForgedSegment, IsRefused) {
  UniqueFd fd = GetParam().make();
  if (!fd) GTEST_SKIP() << "this machine has none";
  const int before = CountOpenFds();
  const auto peer = PeerSegment::Map(std::move(fd));
  ASSERT_FALSE(peer.ok());
  EXPECT_THAT(std::string(peer.status().message()), HasSubstr(GetParam().why));
  EXPECT_LT(CountOpenFds(), before) << "the fd is not closed";
}

std::vector<Forgery> Forgeries() {
  using H = SegmentHeader;
  const int all = kAllSeals;
  return {
      WithSeals("unsealed", 0),
      WithSeals("may_shrink", all & ~F_SEAL_SHRINK),
      WithSeals("may_grow", all & ~F_SEAL_GROW),
      WithSeals("may_be_written", all & ~F_SEAL_FUTURE_WRITE),
      WithSeals("may_be_sealed", all & ~F_SEAL_SEAL),
      {"empty", [] { return MakeMemfd("", kAllSeals); }, "has 0 bytes"},
      {"short", [] { return MakeMemfd(GoodSegment().substr(0, 4'095), kAllSeals); }, "4095 bytes"},
      {"one_page", [] { return MakeMemfd(GoodSegment().substr(0, 4'096), kAllSeals); },
       "contradicts itself"},
      {"truncated",
       [] {
         const std::string good = GoodSegment();
         return MakeMemfd(good.substr(0, good.size() - kPageBytes), kAllSeals);
       },
       "contradicts itself"},
      {"longer", [] { return MakeMemfd(GoodSegment() + std::string(kPageBytes, '\0'), kAllSeals); },
       "contradicts itself"},
      {"zeros", [] { return MakeMemfd(std::string(8'192, '\0'), kAllSeals); }, "does not start"},
      Edited(
          "magic", [](H& h) { h.magic ^= 1; }, "does not start"),
      Edited(
          "abi", [](H& h) { ++h.abi_version; }, "ABI version 5"),
      Edited(
          "header_bytes", [](H& h) { h.header_bytes = 504; }, "ABI version"),
      Edited(
          "layout", [](H& h) { ++h.layout.depth; }, "contradicts itself"),
      Edited(
          "slot_stride", [](H& h) { h.layout.slot_stride = 1u << 31; }, "contradicts itself"),
      Edited(
          "another_size", [](H& h) { h.layout = MakeLayout({.depth = 5'000}); },
          "contradicts itself"),
      // Whose payloads begin right after the slot's header.
      Edited(
          "call_header_without_room", [](H& h) { h.call_header_bytes = kCallHeaderBytes; },
          "contradicts itself"),
      Edited(
          "call_header_of_another_size", [](H& h) { h.call_header_bytes = 40; },
          "contradicts itself"),
      Edited(
          "call_header_beyond_all", [](H& h) { h.call_header_bytes = UINT32_MAX; },
          "contradicts itself"),
      Edited(
          "topic_name", [](H& h) { std::memset(h.topic_name, 'a', sizeof(h.topic_name)); },
          "does not end"),
      Edited(
          "type_name", [](H& h) { std::memset(h.type_name, 'a', sizeof(h.type_name)); },
          "does not end"),
      {"pipe",
       [] {
         int ends[2];
         if (::pipe(ends) != 0) return UniqueFd();
         ::close(ends[1]);
         return UniqueFd(ends[0]);
       },
       "not a memfd"},
      {"device", [] { return UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC)); }, ""},
      {"file_on_tmpfs",
       [] {
         UniqueFd fd(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
         const std::string good = GoodSegment();
         if (!fd || ::write(fd.get(), good.data(), good.size()) < 0) return UniqueFd();
         return fd;
       },
       "not sealed"},
      {"huge_pages",
       [] {
         UniqueFd fd(::memfd_create("test", MFD_ALLOW_SEALING | MFD_HUGETLB));
         if (!fd || ::ftruncate(fd.get(), 2 << 20) != 0 ||
             ::fcntl(fd.get(), F_ADD_SEALS, kAllSeals) != 0) {
           return UniqueFd();
         }
         return fd;
       },
       "not a memfd"},
      {"secret_memory",
       [] {
#ifdef SYS_memfd_secret
         return UniqueFd(static_cast<int>(::syscall(SYS_memfd_secret, 0)));
#else
         return UniqueFd();
#endif
       },
       "not a memfd"},
      {"page", [] { return MakeMemfd(GoodPage(), kAllSeals); }, "does not start"},
  };
}
INSTANTIATE_TEST_SUITE_P(, ForgedSegment, testing::ValuesIn(Forgeries()),
                         [](const auto& info) { return info.param.name; });

// A header that changes after the check is not looked at again.
TEST(PeerSegment, KeepsACopyOfWhatItChecked) {
  auto segment = Segment::Create(TestTopic());
  auto peer = PeerSegment::Map(Dup(segment->fd()));
  std::memset(segment->data(), 0xFF, kSegmentHeaderBytes);
  EXPECT_EQ((*peer)->layout(), TestTopic().layout);
  EXPECT_EQ((*peer)->topic_name(), "test/segment");
}

TEST(PeerSegment, SaysWhetherItsPublisherWaits) {
  for (const bool reliable : {false, true}) {
    TopicInfo topic = TestTopic();
    topic.reliable = reliable;
    auto segment = Segment::Create(topic);
    ASSERT_TRUE(segment.ok());
    EXPECT_EQ((*PeerSegment::Map(Dup(segment->fd())))->reliable(), reliable);
  }
}

TEST(PeerSegment, SaysWhetherItIsOfAService) {
  TopicInfo topic = TestTopic();
  auto plain = Segment::Create(topic);
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ((*PeerSegment::Map(Dup(plain->fd())))->call_header_bytes(), 0u);

  topic.call_header_bytes = kCallHeaderBytes;
  topic.partner = UINT64_MAX;
  EXPECT_FALSE(Segment::Create(topic).ok()) << "there is no room for the header";
  topic.layout.payload_offset += kCallHeaderBytes;
  topic.layout.slot_stride += kCacheLine;
  topic.layout.segment_bytes = AlignUp(
      topic.layout.slots_offset + uint64_t{topic.layout.slot_count} * topic.layout.slot_stride,
      kPageBytes);
  auto segment = Segment::Create(topic);
  ASSERT_TRUE(segment.ok()) << segment.status();
  auto peer = PeerSegment::Map(Dup(segment->fd()));
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ((*peer)->call_header_bytes(), kCallHeaderBytes);
  EXPECT_EQ((*peer)->partner(), UINT64_MAX);
}

TEST(PeerPage, IsMappedAsItWasMade) {
  auto page = OwnPage::Create(3, StartAt::kOldest, true);
  ASSERT_TRUE(page.ok());
  page->get()->pins[2].store(99);
  auto peer = PeerPage::Map(Dup(page->fd()));
  ASSERT_TRUE(peer.ok()) << peer.status();
  EXPECT_EQ(peer->get()->pins[2].load(), 99u);
  EXPECT_EQ(peer->get()->max_samples, 3u);
  EXPECT_EQ(peer->get()->start_at, static_cast<uint32_t>(StartAt::kOldest));
  EXPECT_EQ(peer->get()->best_effort, 1u);
}

TEST(PeerPage, RefusesForgeries) {
  std::string wrong_magic = GoodPage();
  wrong_magic[0] ^= 1;
  std::string wrong_abi = GoodPage();
  wrong_abi[8] ^= 1;
  EXPECT_TRUE(PeerPage::Map(MakeMemfd(GoodPage(), kAllSeals)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(GoodPage(), 0)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(GoodPage(), kAllSeals & ~F_SEAL_SHRINK)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(wrong_magic, kAllSeals)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(wrong_abi, kAllSeals)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(GoodPage().substr(0, 2'048), kAllSeals)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(GoodPage() + GoodPage(), kAllSeals)).ok());
  EXPECT_FALSE(PeerPage::Map(MakeMemfd(GoodSegment(), kAllSeals)).ok());
  EXPECT_FALSE(PeerPage::Map(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC))).ok());
}

// ---- Limits ----

TEST(Limits, OpenFilesAreNamed) {
  const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
  const auto segment = Segment::Create(TestTopic());
  EXPECT_TRUE(absl::IsResourceExhausted(segment.status())) << segment.status();
  EXPECT_THAT(std::string(segment.status().message()), HasSubstr("RLIMIT_NOFILE"));
  EXPECT_THAT(std::string(segment.status().message()), HasSubstr("test/segment"));
  EXPECT_THAT(std::string(OwnPage::Create(1).status().message()), HasSubstr("RLIMIT_NOFILE"));
}

TEST(Limits, AddressSpaceIsNamed) {
  const TopicInfo large = TestTopic({.depth = 1'000, .payload_bytes = 4 << 20});
  const int before = CountOpenFds();
  std::string message;
  {
    const ScopedLimit limit(RLIMIT_AS, AddressSpace() + (1 << 30));
    message = std::string(Segment::Create(large).status().message());
  }
  EXPECT_THAT(message, HasSubstr("RLIMIT_AS"));
  EXPECT_THAT(message, HasSubstr("test/segment"));
  EXPECT_EQ(CountOpenFds(), before);
  auto segment = Segment::Create(large);
  ASSERT_TRUE(segment.ok());
  {
    const ScopedLimit limit(RLIMIT_AS, AddressSpace() + (1 << 30));
    message = std::string(PeerSegment::Map(Dup(segment->fd())).status().message());
  }
  EXPECT_THAT(message, HasSubstr("RLIMIT_AS"));
}

TEST(Limits, FailedCreationsLeakNothing) {
  const int before = CountOpenFds();
  const rlim_t next = NextFd();
  for (rlim_t more = 0; more < 2; ++more) {
    const ScopedLimit limit(RLIMIT_NOFILE, next + more);
    (void)Segment::Create(TestTopic());
    (void)OwnPage::Create(1);
  }
  EXPECT_EQ(CountOpenFds(), before);
}

}  // namespace
}  // namespace holler
