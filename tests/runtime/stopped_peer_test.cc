// A process that is stopped for a while, and holds a sample: SIGSTOP, a debugger, a cgroup's
// freezer.
#include <signal.h>

#include <memory>

#include "gtest/gtest.h"
#include "node_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

constexpr uint64_t kWhileStopped = 1'000;
constexpr int kChurn = 12'000;  // More news than is kept for one that does not read.

// Takes one sample and holds it; goes on when it is told to.
int HoldOne(Child::Line& line, uint32_t domain) {
  auto node = Node::Create({.domain = domain});
  if (!node.ok()) return 1;
  auto subscriber = test::SmallSubscriber::Create(*node);
  if (!subscriber.ok() || !subscriber->Wait(kLong)) return 2;
  auto held = subscriber->Take();
  if (!held || held->number() != 1) return 3;
  line.Tell('h');
  if (line.Hear() != 'g') return 4;
  if (held->number() != 1) return 5;  // What it held has changed.
  held.Release();
  // Everything since is taken or counted, and nothing twice.
  uint64_t last = 1;
  uint64_t taken = 1;
  while (last < kWhileStopped + 2) {
    if (!subscriber->Wait(kLong)) return 6;
    while (auto sample = subscriber->Take()) {
      if (sample->number() <= last) return 7;
      last = sample->number();
      ++taken;
    }
  }
  return taken + subscriber->lost() == kWhileStopped + 2 ? 0 : 8;
}

TEST(StoppedPeer, KeepsWhatItHolds) {
  const uint32_t domain = NextDomain();
  Child child([&](auto& line) { return HoldOne(line, domain); });
  TestNode node("publisher", domain);
  auto publisher = Make<test::SmallPublisher>(*node);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  auto other = Make<test::SmallSubscriber>(*node);  // For whom it goes on.
  ASSERT_EQ(PublishNumber(*publisher, 1), 1u);
  ASSERT_EQ(child.Hear(), 'h');
  child.Signal(SIGSTOP);

  for (int i = 0; i < kChurn; ++i) {
    auto endpoint = Make<test::LargeSubscriber>(*node);
  }
  for (uint64_t n = 2; n <= kWhileStopped + 1; ++n) {
    ASSERT_EQ(PublishNumber(*publisher, n), n);
    while (other->Take()) {
    }
  }
  EXPECT_EQ(publisher->subscriber_count(), 2) << "it was given up";

  child.Signal(SIGCONT);
  child.Tell('g');
  // One more, in case that it waits.
  ASSERT_EQ(PublishNumber(*publisher, kWhileStopped + 2), kWhileStopped + 2);
  const int status = child.Join();
  EXPECT_TRUE(ExitedWith(status, 0)) << "wait status " << status << "; 5 << 8: a held sample "
                                     << "changed; 7 << 8: one came twice; 8 << 8: miscounted";
}

}  // namespace
}  // namespace holler
