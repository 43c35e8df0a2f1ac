// The first five of the ten invariants, one or more tests each, that every change must keep.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
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

using testing::IsEmpty;

constexpr uint64_t kMany = kSanitized ? 20'000 : 100'000;

// 1. One writer per byte.
TEST(Invariants, I01_NobodyElseCanWrite) {
  const uint32_t domain = NextDomain();
  Child peer([&](Child::Line& line) { return Peer(line, domain); });
  TestNode node("node", domain);
  auto small = Make<test::SmallPublisher>(*node);
  auto large = Make<test::LargeSubscriber>(*node);
  ASSERT_EQ(peer.Hear(), 'm');
  ASSERT_TRUE(small->WaitForSubscriber(kLong));
  ASSERT_TRUE(large->WaitForPublisher(kLong));

  int own = 0;
  int peers = 0;
  for (const MappedRange& range : MappedRanges()) {
    if (!IsHollers(range.name)) continue;
    EXPECT_TRUE(range.shared);
    ++(range.writable ? own : peers);
    if (range.writable) continue;
    EXPECT_NE(::mprotect(range.data, range.size, PROT_READ | PROT_WRITE), 0) << range.name;
    EXPECT_NE(::madvise(range.data, range.size, MADV_REMOVE), 0) << range.name;
  }
  EXPECT_EQ(own, 2) << "its segment, and its page towards the peer";
  EXPECT_EQ(peers, 2) << "the peer's segment and page";

  // Even with every fd of either process, nobody can.
  int files = 0;
  for (const pid_t pid : {::getpid(), peer.pid()}) {
    for (const auto& [number, name] : OpenFiles(pid)) {
      if (!IsHollers(name)) continue;
      const std::string path = "/proc/" + std::to_string(pid) + "/fd/" + std::to_string(number);
      for (const int flags : {O_RDONLY, O_RDWR}) {
        const UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC));
        if (!fd) continue;
        ++files;
        EXPECT_THAT(TryToChange(fd.get()), IsEmpty()) << name;
      }
    }
  }
  EXPECT_GE(files, 2);

  for (uint64_t n = 1; n <= 10; ++n) {
    ASSERT_EQ(PublishNumber(*small, n), n);
    peer.Tell('g');
    ASSERT_TRUE(large->Wait(kLong));
    const auto sample = large->Take();
    EXPECT_EQ(sample->number(), n);
    EXPECT_TRUE(IsWhole(*sample));
  }
  peer.Tell('q');
  EXPECT_TRUE(ExitedWith(peer.Join(), 0));
}

// 2. Nothing has a name on disk, and a process that is killed leaves nothing.
TEST(Invariants, I02_NothingHasANameOnDisk) {
  const uint32_t domain = NextDomain();
  Child peer([&](Child::Line& line) { return Peer(line, domain); });
  const pid_t pid = peer.pid();  // Which it has no longer when it is dead.
  const std::set<std::string> before = TracesOf(pid);
  const std::map<int, std::string> open_before = OpenFiles(::getpid());
  TestNode node("node", domain);
  auto small = Make<test::SmallPublisher>(*node);
  auto large = Make<test::LargeSubscriber>(*node);
  ASSERT_EQ(peer.Hear(), 'm');
  PublishNumber(*small, 1);
  peer.Tell('g');
  ASSERT_TRUE(large->Wait(kLong));

  EXPECT_EQ(TracesOf(pid), before);
  for (const auto& [number, name] : OpenFiles(::getpid())) {
    if (open_before.contains(number)) continue;
    const bool anonymous = name.starts_with("anon_inode:") || name.starts_with("socket:") ||
                           name.starts_with("/memfd:holler") || name == "/dev/null" ||
                           name.starts_with("/proc/");
    EXPECT_TRUE(anonymous) << name;
  }
  int shared = 0;
  for (const MappedRange& range : MappedRanges()) {
    if (!range.shared || range.name.empty() || kSanitized) continue;
    EXPECT_TRUE(range.name.starts_with("/memfd:")) << range.name;
    ++shared;
  }
  EXPECT_TRUE(shared == 4 || kSanitized) << shared;
  const auto listening = [&] {
    const auto nodes = SweepNodes();
    return std::count_if(nodes->begin(), nodes->end(),
                         [&](const NodeAddress& address) { return address.domain == domain; });
  };
  EXPECT_EQ(listening(), 2);

  peer.Kill(SIGKILL);
  ASSERT_TRUE(Await([&] { return !small->has_subscribers() && !large->has_publishers(); }));
  EXPECT_TRUE(IsWhole(*large->Take())) << "a dead publisher's samples can still be taken";
  EXPECT_FALSE(large->Take());
  EXPECT_EQ(listening(), 1);
  EXPECT_EQ(TracesOf(pid), before);
  int peers = 0;
  for (const MappedRange& range : MappedRanges()) peers += IsHollers(range.name) && !range.writable;
  EXPECT_EQ(peers, 0) << "memory of the dead is still mapped";
}

// 3. The publisher never waits for a reader that stalls, or dies, or lies.
TEST(Invariants, I03_ThePublisherNeverWaits) {
  const uint32_t domain = NextDomain();
  const auto holder = [&](Child::Line& line) {
    auto node = Node::Create({.domain = domain});
    auto subscriber = test::LargeSubscriber::Create(*node);
    std::vector<Sample<test::Large>> held;
    while (held.size() < test::LargeTopic::kLayout.max_samples) {
      if (!subscriber->Wait(kLong)) return 1;
      if (auto sample = subscriber->Take()) held.push_back(std::move(sample));
    }
    line.Tell('h');
    line.Hear();
    return 0;
  };
  Child stalls(holder);
  Child dies(holder);
  TestNode node("node", domain);
  auto publisher = Make<test::LargePublisher>(*node);
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  // Until both hold all they may.
  for (uint64_t n = 1; n <= test::LargeTopic::kLayout.max_samples; ++n) {
    ASSERT_EQ(PublishLarge(*publisher, n), n);
  }
  ASSERT_EQ(stalls.Hear(), 'h');
  ASSERT_EQ(dies.Hear(), 'h');
  stalls.Signal(SIGSTOP);
  for (uint64_t n = 0; n < 10 * test::LargeTopic::kLayout.slot_count; ++n) {
    ASSERT_GT(PublishLarge(*publisher, n), 0u) << "no loan after " << n;
    if (n == 100) dies.Kill(SIGKILL);
  }
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 1; }));
  ASSERT_GT(PublishLarge(*publisher, 1), 0u);
  stalls.Signal(SIGCONT);
  stalls.Tell('q');
  EXPECT_TRUE(ExitedWith(stalls.Join(), 0));
}

// A page of a subscriber that lies: all slots pinned in turn, and always.
TEST(Invariants, I03_ThePublisherNeverWaitsForLies) {
  TestRing ring({.depth = 2, .max_subscribers = 3, .max_samples = 2, .max_loans = 2});
  TestReader liars[3] = {TestReader(ring), TestReader(ring), TestReader(ring)};
  uint32_t pin = 0;
  for (uint64_t n = 1; n <= 10'000; ++n) {
    for (TestReader& liar : liars) {
      liar.page().armed.store(static_cast<uint32_t>(n));
      for (auto& word : liar.page().pins) word.store(pin++ % (ring.layout().slot_count + 2));
    }
    ASSERT_EQ(ring.Publish(), n);
  }
}

// 4. A held sample does not change.
TEST(Invariants, I04_AHeldSampleDoesNotChange) {
  TestNode node("node", NextDomain());
  auto publisher = Make<test::LargePublisher>(*node);
  constexpr int kSubscribers = 3;
  constexpr uint64_t kSamplesHeld = 10'000;
  std::vector<std::unique_ptr<test::LargeSubscriber>> subscribers;
  for (int i = 0; i < kSubscribers; ++i) subscribers.push_back(Make<test::LargeSubscriber>(*node));
  std::atomic<bool> done{false};
  std::atomic<int> changed{0};
  std::vector<std::thread> threads;
  for (auto& subscriber : subscribers) {
    threads.emplace_back([&, s = subscriber.get()] {
      Sample<test::Large> held;
      while (!done.load()) {
        auto sample = s->Take();
        if (!sample) continue;
        test::Large copy = *sample;
        if (!IsWhole(copy)) ++changed;
        std::this_thread::yield();
        if (std::memcmp(&copy, &*sample, sizeof(copy)) != 0) ++changed;
        // The one before is held all the while.
        if (held && !IsWhole(*held)) ++changed;
        held = std::move(sample);
      }
    });
  }
  for (uint64_t n = 1; n <= kSamplesHeld; ++n) {
    if (PublishLarge(*publisher, n) != n) break;
  }
  done.store(true);
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(changed.load(), 0);
  EXPECT_EQ(publisher->published(), kSamplesHeld);
}

TEST(Invariants, I04_AHeldSampleSurvivesEveryReuse) {
  TestNode node("node", NextDomain());
  auto publisher = Make<test::LargePublisher>(*node);
  auto subscriber = Make<test::LargeSubscriber>(*node);
  PublishLarge(*publisher, 1);
  const auto held = subscriber->Take();
  for (uint64_t n = 2; n <= 10 * test::LargeTopic::kLayout.slot_count; ++n) {
    PublishLarge(*publisher, n);
    ASSERT_EQ(held->number(), 1u);
    ASSERT_TRUE(IsWhole(*held)) << "after " << n << " samples";
  }
}

// 5. Loss is counted exactly.
TEST(Invariants, I05_LossIsCountedExactly) {
  const uint32_t domain = NextDomain();
  TestNode mine("mine", domain);
  TestNode theirs("theirs", domain);
  auto a = Make<test::SmallPublisher>(*mine);
  auto b = Make<test::SmallPublisher>(*theirs);
  auto slow = Make<test::SmallSubscriber>(*mine);
  ASSERT_TRUE(Await([&] {
    return a->subscriber_count() == 1 && b->subscriber_count() == 1 && slow->publisher_count() == 2;
  }));
  std::atomic<bool> done{false};
  uint64_t taken = 0;
  std::thread taking([&] {
    std::mt19937 random(1);
    while (true) {
      const bool was_done = done.load();
      auto sample = random() % 8 == 0 ? slow->TakeLatest() : slow->Take();
      if (!sample && was_done) break;
      if (sample) ++taken;
      for (uint32_t i = random() % 8; i > 0; --i) std::this_thread::yield();
    }
  });
  std::thread other([&] {
    for (uint64_t n = 0; n < kMany; ++n) PublishNumber(*b, n);
  });
  for (uint64_t n = 0; n < kMany; ++n) PublishNumber(*a, n);
  other.join();
  done.store(true);
  taking.join();
  EXPECT_EQ(taken + slow->lost() + slow->skipped(), 2 * kMany);
  EXPECT_GT(slow->lost(), 0u);
}

}  // namespace
}  // namespace holler
