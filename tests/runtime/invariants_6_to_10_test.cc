// The last five of the ten invariants, one or more tests each, that every change must keep.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "allocation_counter.h"
#include "gtest/gtest.h"
#include "holler/connection.h"
#include "holler/neighbourhood.h"
#include "invariants_support.h"
#include "node_support.h"
#include "process_support.h"
#include "sanitizers.h"
#include "segment_support.h"
#include "syscall_filter.h"
#include "topics_topics.h"

namespace holler {
namespace {

// What a thread of this process does and has done, by /proc/self/task.
struct ThreadState {
  long call = -1;  // The system call it is in.
  std::string switches;

  bool IsAsleep() const {
#ifdef SYS_epoll_wait
    if (call == SYS_epoll_wait) return true;
#endif
    constexpr long kFutexWaitv = 449;  // Not in older headers.
    return call == SYS_epoll_pwait || call == SYS_epoll_pwait2 || call == kFutexWaitv;
  }
};
std::map<pid_t, ThreadState> Sleepers(const std::set<pid_t>& more) {
  std::map<pid_t, ThreadState> states;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    const pid_t tid = std::stoi(entry.path().filename());
    if (name != "holler" && !more.contains(tid)) continue;
    ThreadState& state = states[tid];
    std::ifstream(entry.path() / "syscall") >> state.call;
    std::ifstream status(entry.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.find("ctxt_switches") != std::string::npos) state.switches += line;
    }
  }
  return states;
}

// 6. Silence costs nothing: no timer is armed, and nobody is woken by what is not for him.
TEST(Invariants, I06_SilenceCostsNothing) {
  const uint32_t domain = NextDomain();
  TestNode a("a", domain);
  TestNode b("b", domain);
  auto busy = Make<test::SmallPublisher>(*a);
  auto busy_subscriber = Make<test::SmallSubscriber>(*b);
  auto quiet = Make<test::LargePublisher>(*a);
  auto quiet_subscriber = Make<test::LargeSubscriber>(*b);
  ASSERT_TRUE(busy->WaitForSubscriber(kLong) && quiet->WaitForSubscriber(kLong));
  ASSERT_TRUE(Await([&] { return a->stats().sweeps >= 3 && b->stats().sweeps >= 3; }));
  std::atomic<pid_t> sleeper{0};
  std::thread sleeping([&] {
    sleeper.store(static_cast<pid_t>(::syscall(SYS_gettid)));
    EXPECT_TRUE(quiet_subscriber->Wait(absl::InfiniteDuration()));
  });
  ASSERT_TRUE(Await([&] {
    const auto states = Sleepers({sleeper.load()});
    return states.size() == 3 && std::all_of(states.begin(), states.end(),
                                             [](const auto& s) { return s.second.IsAsleep(); });
  }));
  const auto before = Sleepers({sleeper.load()});
  for (uint64_t n = 1; n <= 1'000; ++n) {
    PublishNumber(*busy, n);
    ASSERT_EQ(busy_subscriber->Take()->number(), n);
  }
  for (const auto& [tid, state] : Sleepers({sleeper.load()})) {
    EXPECT_EQ(state.switches, before.at(tid).switches) << "it was woken";
  }
  int timers = 0;
  for (const auto& [number, name] : OpenFiles(::getpid())) {
    if (name != "anon_inode:[timerfd]") continue;
    ++timers;
    std::ifstream file("/proc/self/fdinfo/" + std::to_string(number));
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("it_value:")) {
        EXPECT_EQ(line, "it_value: (0, 0)") << "it is armed";
      }
    }
  }
  EXPECT_EQ(timers, 2);
  PublishLarge(*quiet, 1);
  sleeping.join();
}

// The bytes of this process's segment of a topic.
std::string SegmentOf(const std::string& topic) {
  for (const auto& [number, name] : OpenFiles(::getpid())) {
    if (name.find("memfd:holler-segment") == std::string::npos) continue;
    const std::string bytes = ReadAll(number);
    if (reinterpret_cast<const SegmentHeader*>(bytes.data())->topic_name == topic) return bytes;
  }
  return "";
}

TEST(Invariants, I06_APublisherNobodyListensToWritesNothing) {
  TestNode node("node", NextDomain());
  auto publisher = Make<test::LargePublisher>(*node);
  const std::string before = SegmentOf("test/large");
  ASSERT_FALSE(before.empty());
  for (uint64_t n = 1; n <= 1'000; ++n) {
    EXPECT_EQ(PublishLarge(*publisher, n), 0u);
    EXPECT_EQ(publisher->Publish(test::Large()), 0u);
  }
  EXPECT_TRUE(SegmentOf("test/large") == before);
}

// 7. Laid out at compile time: a sample is where the constants of its class say.
TEST(Invariants, I07_LaidOutAtCompileTime) {
  constexpr SegmentLayout kLayout = test::LargeTopic::kLayout;
  static_assert(IsConsistent(kLayout));
  static_assert(sizeof(test::LargeSlot) == kLayout.slot_stride);
  static_assert(offsetof(test::LargeSlot, message) == kLayout.payload_offset);
  static_assert(kLayout.slot_count ==
                kLayout.depth + kLayout.max_loans + kLayout.max_subscribers * kLayout.max_samples);
  TestNode node("node", NextDomain());
  auto publisher = Make<test::LargePublisher>(*node);
  auto subscriber = Make<test::LargeSubscriber>(*node);
  for (uint64_t n = 1; n <= 3 * kLayout.depth; ++n) {
    ASSERT_EQ(PublishLarge(*publisher, 100 + n), n);
    const std::string bytes = SegmentOf("test/large");
    ASSERT_EQ(bytes.size(), kLayout.segment_bytes);
    const auto word = [&](uint64_t offset) {
      uint32_t value = 0;
      std::memcpy(&value, bytes.data() + offset, sizeof(value));
      return value;
    };
    EXPECT_EQ(reinterpret_cast<const SegmentHeader*>(bytes.data())->layout, kLayout);
    EXPECT_EQ(word(kLayout.head_offset), n);
    const uint32_t slot = word(kLayout.ring_offset + 4 * (n % kLayout.depth));
    ASSERT_LT(slot, kLayout.slot_count);
    const uint64_t at = kLayout.slots_offset + uint64_t{slot} * kLayout.slot_stride;
    EXPECT_EQ(word(at), n);
    test::Large message;
    std::memcpy(&message, bytes.data() + at + kLayout.payload_offset, sizeof(message));
    EXPECT_EQ(message.number(), 100 + n);
    EXPECT_TRUE(IsWhole(message));
  }
}

// 8. Steady state is bare: no allocation, no system call.
TEST(Invariants, I08_SteadyStateIsBare) {
  const int status = InChild([] {
    auto node = Node::Create({.domain = NextDomain()});
    auto publisher = test::SmallPublisher::Create(*node);
    auto subscriber = test::SmallSubscriber::Create(*node);
    uint64_t before = 0;
    for (uint64_t n = 1; n <= 10'000; ++n) {
      if (PublishNumber(*publisher, n) != n || subscriber->Take()->number() != n) return 1;
      if (n > 1) continue;
      if (!kSanitized && !AllowOnly({})) return 2;
      before = AllocatorCalls();
    }
    ::_exit(AllocatorCalls() == before ? 0 : 3);
  });
  EXPECT_TRUE(ExitedWith(status, 0)) << "wait status " << status << "; 3 << 8: it allocates; "
                                     << kForbiddenCall << " << 8: it makes system calls";
}

// A node that lies: it introduces a publisher with `segment`, and returns what it is told.
wire::Message AnswerTo(uint32_t domain, UniqueFd segment) {
  const auto buffer = std::make_unique<char[]>(kMaxMessageBytes);
  const auto nodes = SweepNodes();
  for (const NodeAddress& address : *nodes) {
    if (address.domain != domain) continue;
    auto connection = Connection::Adopt(std::move(*Connect(address)));
    wire::HelloT hello;
    hello.abi_version = kAbiVersion;
    hello.domain = domain;
    hello.node = std::make_unique<wire::NodeId>(1, 2);
    hello.publishes = {TopicHash("test/small")};
    wire::PublisherCardT card;
    card.publisher = 1;
    card.topic = "test/small";
    card.type_name = "test.Small";
    card.fingerprint = test::SmallTopic::kFingerprint;
    wire::Message answer = wire::Message_NONE;
    if (!(*connection)->Send(EncodeCard(std::move(hello))).ok()) return answer;
    // Files are taken in only after that.
    Await([&] { return (*connection)->Receive(buffer.get()).ok(); });
    if (!(*connection)->Send(EncodeCard(card), {segment.get()}).ok()) return answer;
    Await([&] {
      auto received = (*connection)->Receive(buffer.get());
      if (received.ok()) answer = received->envelope.message.type;
      return absl::IsAborted(received.status()) || answer == wire::Message_Refusal ||
             answer == wire::Message_SubscriberCard;
    });
    return answer;
  }
  return wire::Message_NONE;
}

// 9. Nothing read from a peer is trusted: memory that could change or end under a reader is not
// mapped, and others do not notice.
TEST(Invariants, I09_APeersMemoryIsNotTrusted) {
  TestNode node("node", NextDomain());
  auto subscriber = Make<test::SmallSubscriber>(*node);
  std::string good;
  {
    auto publisher = Make<test::SmallPublisher>(*node);
    good = SegmentOf("test/small");
  }
  const auto answer = [&](const std::string& bytes, int seals) {
    return AnswerTo(node->domain(), MakeMemfd(bytes, seals));
  };
  EXPECT_EQ(answer(good, kAllSeals), wire::Message_SubscriberCard) << "no forgery at all";
  EXPECT_EQ(answer(good, 0), wire::Message_Refusal);
  EXPECT_EQ(answer(good, kAllSeals & ~F_SEAL_SHRINK), wire::Message_Refusal);
  EXPECT_EQ(answer(good.substr(0, good.size() - kPageBytes), kAllSeals), wire::Message_Refusal);
  std::string forged = good;
  reinterpret_cast<SegmentHeader*>(forged.data())->layout.slot_count = 1 << 20;
  EXPECT_EQ(answer(forged, kAllSeals), wire::Message_Refusal);
  EXPECT_EQ(AnswerTo(node->domain(), UniqueFd(::open("/dev/zero", O_RDWR | O_CLOEXEC))),
            wire::Message_Refusal);
  auto publisher = Make<test::SmallPublisher>(*node);
  PublishNumber(*publisher, 4);
  EXPECT_EQ(TakeNumber(*subscriber), 4u);
}

// Every index and size that is read from shared memory is bounded where it is used.
TEST(Invariants, I09_SharedMemoryIsBoundedAtEveryUse) {
  TestRing ring({.depth = 4});
  TestReader reader(ring);
  for (uint64_t n = 1; n <= 1'000; ++n) {
    ring.Publish();
    const auto view = ring.view();
    const uint32_t wild = n % 2 == 0 ? UINT32_MAX : static_cast<uint32_t>(1u << n % 32);
    for (uint32_t slot = 0; slot < ring.layout().slot_count; ++slot) {
      view.slot(slot).size.store(wild);
      view.slot(slot).next_slot.store(wild);
    }
    if (n % 3 == 0) view.ring(n % 4).store(wild);
    if (const auto sample = reader->Take()) {
      ASSERT_LE(sample->size, ring.layout().payload_capacity);
      reader->Release(sample->pin);
    }
  }
}

// 10. After WaitForSubscriber returned, nothing is lost silently.
TEST(Invariants, I10_NothingIsLostSilently) {
  for (int round = 0; round < 100; ++round) {
    const uint32_t domain = NextDomain();
    TestNode a("a", domain);
    std::thread subscribing([&] {
      TestNode b("b", domain);
      auto subscriber = Make<test::SmallSubscriber>(*b);
      EXPECT_EQ(TakeNumber(*subscriber), 1u);
      EXPECT_EQ(subscriber->lost(), 0u);
    });
    auto publisher = Make<test::SmallPublisher>(*a);
    EXPECT_TRUE(publisher->WaitForSubscriber(kLong));
    EXPECT_EQ(PublishNumber(*publisher, 1), 1u);
    subscribing.join();
  }
}

// Whoever joins a publisher that runs gets, or knows that it lost, all from then on.
TEST(Invariants, I10_WhoeverJoinsMissesNothing) {
  TestNode node("node", NextDomain());
  auto publisher = Make<test::SmallPublisher>(*node);
  auto first = Make<test::SmallSubscriber>(*node);
  std::atomic<bool> done{false};
  std::thread publishing([&] {
    for (uint64_t n = 1; !done.load(); ++n) PublishNumber(*publisher, n);
  });
  for (int round = 0; round < 50; ++round) {
    auto subscriber = Make<test::SmallSubscriber>(*node);
    EXPECT_TRUE(subscriber->WaitForPublisher(kLong));
    const uint64_t joined = publisher->published();
    uint64_t last = 0;
    for (int taken = 0; taken < 50;) {
      const uint64_t lost = subscriber->lost();
      auto sample = subscriber->Take();
      if (!sample) continue;
      EXPECT_EQ(sample->number(), sample.sequence());
      if (last == 0) {
        EXPECT_LE(sample.sequence() - 1 - (subscriber->lost() - lost), joined);
      } else {
        EXPECT_EQ(sample.sequence(), last + 1 + subscriber->lost() - lost);
      }
      last = sample.sequence();
      ++taken;
    }
  }
  done.store(true);
  publishing.join();
}

}  // namespace
}  // namespace holler
