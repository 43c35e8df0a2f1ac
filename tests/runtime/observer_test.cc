// Looking at a domain from outside: what is seen, and that nobody notices.
#include "holler/observer.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/neighbourhood.h"
#include "holler/session.h"
#include "node_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using test::SmallPublisher;
using test::SmallSubscriber;
using test::SurePublisher;
using test::SureSubscriber;

class ObserverTest : public testing::Test {
 protected:
  Observer Observe() {
    auto observer = Observer::Create({.name = "observer", .domain = domain_});
    EXPECT_TRUE(observer.ok()) << observer.status();
    return *std::move(observer);
  }
  // The node of this name; empty if it is not in the snapshot.
  static std::optional<ObservedNode> Find(const DomainSnapshot& snapshot, const std::string& name) {
    for (const ObservedNode& node : snapshot.nodes) {
      if (node.peer.node_name == name) return node;
    }
    return std::nullopt;
  }

  const uint32_t domain_ = NextDomain();
};

TEST_F(ObserverTest, NobodyIsThere) {
  const DomainSnapshot snapshot = Observe().Look(kLong);
  EXPECT_TRUE(snapshot.complete);
  EXPECT_TRUE(snapshot.nodes.empty());
}

TEST_F(ObserverTest, SeesNodesEndpointsAndMatches) {
  const int64_t before = MonotonicNow();
  const TestNode speaker("speaker", domain_);
  const TestNode listener("listener", domain_);
  const TestNode idle("idle", domain_);
  auto publisher = Make<SmallPublisher>(*speaker);
  auto subscriber = Make<SmallSubscriber>(*listener);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  for (uint64_t i = 0; i < 3; ++i) PublishNumber(*publisher, i);
  EXPECT_TRUE(subscriber->Take());

  const DomainSnapshot snapshot = Observe().Look(kLong);
  EXPECT_TRUE(snapshot.complete);
  ASSERT_EQ(snapshot.nodes.size(), 3u);
  const auto seen = Find(snapshot, "speaker");
  ASSERT_TRUE(seen.has_value());
  EXPECT_TRUE(seen->answered);
  EXPECT_EQ(seen->peer.pid, ::getpid());
  EXPECT_EQ(seen->peer.uid, ::geteuid());
  EXPECT_EQ(seen->program, ::program_invocation_short_name);
  EXPECT_GE(seen->created_at, before);
  EXPECT_LE(seen->created_at, MonotonicNow());
  EXPECT_TRUE(seen->subscribers.empty());
  ASSERT_EQ(seen->publishers.size(), 1u);
  const ObservedPublisher& small = seen->publishers[0];
  EXPECT_EQ(small.topic, "test/small");
  EXPECT_EQ(small.type_name, "test.Small");
  EXPECT_EQ(small.counters, publisher->counters());
  EXPECT_EQ(small.counters.published, 3u);
  ASSERT_NE(small.segment, nullptr);
  EXPECT_EQ(small.segment->layout().depth, 8u);
  EXPECT_EQ(small.segment->CopySchema().size(), small.segment->layout().schema_bytes);

  const auto hears = Find(snapshot, "listener");
  ASSERT_TRUE(hears.has_value());
  ASSERT_EQ(hears->subscribers.size(), 1u);
  EXPECT_EQ(hears->subscribers[0].topic, "test/small");
  EXPECT_EQ(hears->subscribers[0].type_name, "test.Small");
  EXPECT_EQ(hears->subscribers[0].counters, subscriber->counters());

  ASSERT_EQ(small.matches.size(), 1u);
  EXPECT_EQ(small.matches[0].node_id, hears->id);
  EXPECT_EQ(small.matches[0].subscriber, hears->subscribers[0].id);
  EXPECT_EQ(small.matches[0].state.peer.node_name, "listener");
  EXPECT_EQ(small.matches[0].state.position, 1u);
  EXPECT_EQ(small.matches[0].state.counters.taken, 1u);

  const auto silent = Find(snapshot, "idle");
  ASSERT_TRUE(silent.has_value());
  EXPECT_TRUE(silent->answered && silent->publishers.empty() && silent->subscribers.empty());
}

TEST_F(ObserverTest, SeesWhatCameAndWentSinceTheLastLook) {
  const Observer observer = Observe();
  const TestNode node("node", domain_);
  EXPECT_EQ(observer.Look(kLong).nodes.size(), 1u);
  auto publisher = Make<SmallPublisher>(*node);
  auto subscriber = Make<SmallSubscriber>(*node);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  PublishNumber(*publisher, 1);
  auto seen = Find(observer.Look(kLong), "node");
  ASSERT_TRUE(seen.has_value());
  ASSERT_EQ(seen->publishers.size(), 1u);
  ASSERT_EQ(seen->publishers[0].matches.size(), 1u);
  EXPECT_EQ(seen->publishers[0].matches[0].state.counters.taken, 0u);
  EXPECT_TRUE(subscriber->Take());
  seen = Find(observer.Look(kLong), "node");
  EXPECT_EQ(seen->publishers[0].matches[0].state.counters.taken, 1u);
  EXPECT_EQ(seen->subscribers[0].counters.taken, 1u);

  subscriber.reset();
  seen = Find(observer.Look(kLong), "node");
  EXPECT_TRUE(seen->subscribers.empty());
  EXPECT_TRUE(seen->publishers[0].matches.empty());
  publisher.reset();
  seen = Find(observer.Look(kLong), "node");
  EXPECT_TRUE(seen->publishers.empty());
}

TEST(Observer, ANodeThatIsStoppedIsNamedWithoutItsAnswer) {
  const uint32_t domain = NextDomain();
  Child child([domain](Child::Line& line) {
    const TestNode node("child", domain);
    auto publisher = Make<SmallPublisher>(*node);
    line.Tell('r');
    return line.Hear() == 'e' ? 0 : 1;
  });
  ASSERT_EQ(child.Hear(), 'r');
  const TestNode node("node", domain);
  const auto observer = Observer::Create({.domain = domain});
  ASSERT_TRUE(observer.ok()) << observer.status();

  const auto stop = [&] {
    int status = 0;
    child.Signal(SIGSTOP);
    EXPECT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  };
  stop();
  DomainSnapshot snapshot = observer->Look(absl::Milliseconds(20));
  EXPECT_FALSE(snapshot.complete);
  ASSERT_EQ(snapshot.nodes.size(), 2u);
  for (const ObservedNode& seen : snapshot.nodes) {
    if (seen.peer.pid != child.pid()) continue;
    EXPECT_FALSE(seen.answered);
    EXPECT_TRUE(seen.publishers.empty());
  }

  child.Signal(SIGCONT);
  snapshot = observer->Look(kLong);
  EXPECT_TRUE(snapshot.complete);
  const auto is_child = [&](const ObservedNode& seen) {
    return seen.peer.pid == child.pid() && seen.publishers.size() == 1;
  };
  EXPECT_EQ(std::count_if(snapshot.nodes.begin(), snapshot.nodes.end(), is_child), 1);

  // Stopped after it was seen: what it said stays, and its segment is still read.
  stop();
  snapshot = observer->Look(absl::Milliseconds(20));
  EXPECT_FALSE(snapshot.complete);
  EXPECT_EQ(std::count_if(snapshot.nodes.begin(), snapshot.nodes.end(), is_child), 1);

  child.Kill(SIGKILL);
  EXPECT_TRUE(Await([&] { return observer->Look(kLong).nodes.size() == 1; }));
}

TEST_F(ObserverTest, NobodyNoticesIt) {
  const TestNode node("node", domain_);
  auto publisher = Make<SmallPublisher>(*node);
  const Observer observer = Observe();
  ASSERT_EQ(observer.Look(kLong).nodes.size(), 1u);
  EXPECT_FALSE(publisher->has_subscribers());
  EXPECT_FALSE(publisher->Loan());
  EXPECT_TRUE(publisher->subscribers().empty());
  auto reliable = Make<SurePublisher>(*node);
  auto subscriber = Make<SureSubscriber>(*node);
  ASSERT_TRUE(reliable->WaitForSubscriber(kLong));
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_NE(PublishNumber(*reliable, i), 0u);
    EXPECT_EQ(TakeNumber(*subscriber), i);
    if (i % 10 == 0) observer.Look(kLong);
  }
  EXPECT_EQ(subscriber->lost(), 0u);
  EXPECT_EQ(reliable->counters().wakeups, 0u);
  EXPECT_EQ(node.log->size(), 0u);
}

TEST_F(ObserverTest, ObserversDoNotSeeEachOther) {
  const TestNode node("node", domain_);
  const Observer first = Observe();
  const Observer second = Observe();
  for (int i = 0; i < 3; ++i) {
    for (const Observer* observer : {&first, &second}) {
      const DomainSnapshot snapshot = observer->Look(kLong);
      EXPECT_TRUE(snapshot.complete);
      ASSERT_EQ(snapshot.nodes.size(), 1u);
      EXPECT_EQ(snapshot.nodes[0].peer.node_name, "node");
    }
  }
}

TEST_F(ObserverTest, ANodeServesSoManyObservers) {
  const TestNode node("node", domain_);
  auto publisher = Make<SmallPublisher>(*node);
  std::vector<Observer> observers;
  for (std::ptrdiff_t i = 0; i < kMostObservers; ++i) {
    observers.push_back(Observe());
    EXPECT_TRUE(observers.back().Look(kLong).complete);
  }
  const Observer surplus = Observe();
  DomainSnapshot snapshot = surplus.Look(kLong);
  EXPECT_FALSE(snapshot.complete);
  ASSERT_EQ(snapshot.nodes.size(), 1u);
  EXPECT_FALSE(snapshot.nodes[0].answered);
  EXPECT_TRUE(snapshot.nodes[0].publishers.empty());
  observers.pop_back();
  EXPECT_TRUE(Await([&] { return surplus.Look(kLong).complete; }));
}

TEST_F(ObserverTest, WorksWithoutMulticast) {
  const TestNode node("node", domain_, /*multicast=*/false);
  auto publisher = Make<SmallPublisher>(*node);
  auto observer = Observer::Create({.domain = domain_, .multicast = false});
  ASSERT_TRUE(observer.ok()) << observer.status();
  ASSERT_EQ(observer->Look(kLong).nodes.size(), 1u);
  const TestNode second("second", domain_, /*multicast=*/false);
  EXPECT_EQ(observer->Look(kLong).nodes.size(), 2u);
}

TEST_F(ObserverTest, ManyNodes) {
  constexpr size_t kNodes = 100;
  std::vector<std::unique_ptr<TestNode>> nodes;
  std::vector<std::unique_ptr<SmallPublisher>> publishers;
  for (size_t i = 0; i < kNodes; ++i) {
    nodes.push_back(std::make_unique<TestNode>("node", domain_));
    if (i % 10 == 0) publishers.push_back(Make<SmallPublisher>(**nodes.back()));
  }
  const int64_t before = MonotonicNow();
  const DomainSnapshot snapshot = Observe().Look(kLong);
  RecordProperty("milliseconds", static_cast<int>((MonotonicNow() - before) / kMillisecond));
  EXPECT_TRUE(snapshot.complete);
  EXPECT_EQ(snapshot.nodes.size(), kNodes);
  size_t seen = 0;
  for (const ObservedNode& node : snapshot.nodes) seen += node.publishers.size();
  EXPECT_EQ(seen, publishers.size());
}

// As a node does that called at the same time: its own call stays, and this one comes to nothing.
TEST_F(ObserverTest, OneThatDropsCallsIsCalledAgainAsLongAsItListens) {
  const wire::NodeId id{1, static_cast<uint64_t>(::getpid())};
  auto listener = Listen({domain_, ::geteuid(), id});
  ASSERT_TRUE(listener.ok()) << listener.status();
  const Observer observer = Observe();
  std::atomic<int> calls = 0;
  std::thread dropper([&] {
    pollfd readable{listener->get(), POLLIN, 0};
    while ((readable.revents & POLLHUP) == 0) {  // Until the listener is shut down.
      ::poll(&readable, 1, -1);
      if (UniqueFd(::accept4(listener->get(), nullptr, nullptr, SOCK_CLOEXEC))) ++calls;
    }
  });
  const auto is_named = [&] {
    const DomainSnapshot snapshot = observer.Look(absl::Milliseconds(100));
    return !snapshot.complete && snapshot.nodes.size() == 1 &&
           snapshot.nodes[0].id == ToString(id) && snapshot.nodes[0].peer.node_name == "?" &&
           !snapshot.nodes[0].answered;
  };
  EXPECT_TRUE(Await([&] {
    EXPECT_TRUE(is_named());
    return calls >= 3;
  }));
  ::shutdown(listener->get(), SHUT_RDWR);
  dropper.join();
  listener->reset();
  const DomainSnapshot snapshot = observer.Look(kLong);
  EXPECT_TRUE(snapshot.complete);
  EXPECT_TRUE(snapshot.nodes.empty());
}

TEST_F(ObserverTest, LooksWhileEverythingComesAndGoes) {
  const TestNode speaker("speaker", domain_);
  const TestNode listener("listener", domain_);
  const Observer observer = Observe();
  std::atomic<bool> done = false;
  std::thread looker([&] {
    while (!done) {
      const DomainSnapshot snapshot = observer.Look(kLong);
      EXPECT_TRUE(snapshot.complete);
      EXPECT_EQ(snapshot.nodes.size(), 2u);
    }
  });
  for (uint64_t i = 0; i < 20; ++i) {
    auto publisher = Make<SmallPublisher>(*speaker);
    auto subscriber = Make<SmallSubscriber>(*listener);
    EXPECT_TRUE(publisher->WaitForSubscriber(kLong));
    PublishNumber(*publisher, i);
    EXPECT_EQ(TakeNumber(*subscriber), i);
  }
  done = true;
  looker.join();
}

}  // namespace
}  // namespace holler
