// What publishers and subscribers tell of themselves and of each other.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/clock.h"
#include "node_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using test::ManyPublisher;
using test::ManySubscriber;
using test::SmallPublisher;
using test::SmallSubscriber;
using test::SurePublisher;
using test::SureSubscriber;
using test::TightPublisher;
using test::TightSubscriber;

class EndpointCounters : public testing::Test {
 protected:
  const uint32_t domain_ = NextDomain();
  const TestNode speaker_{"speaker", domain_};
  const TestNode listener_{"listener", domain_};
};

TEST_F(EndpointCounters, APublisherCountsLoansItDidNotGive) {
  const int64_t before = MonotonicNow();
  auto publisher = Make<TightPublisher>(*speaker_);
  EXPECT_FALSE(publisher->Loan());  // For nobody: no fault.
  EXPECT_EQ(publisher->counters().too_many_loans, 0u);
  auto subscriber = Make<TightSubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  {
    auto loan = publisher->Loan();
    EXPECT_FALSE(publisher->Loan());
    EXPECT_FALSE(publisher->Loan());
  }
  PublishNumber(*publisher, 1);
  const PublisherCounters counters = publisher->counters();
  EXPECT_EQ(counters.published, 1u);
  EXPECT_EQ(counters.too_many_loans, 2u);
  EXPECT_EQ(counters.full, 0u);
  EXPECT_EQ(counters.refused, 0u);
  EXPECT_GE(counters.created_at, before);
  EXPECT_LE(counters.created_at, MonotonicNow());
}

TEST_F(EndpointCounters, AReliablePublisherCountsWantOfRoom) {
  auto publisher = Make<SurePublisher>(*speaker_);
  auto subscriber = Make<SureSubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (uint64_t i = 0; i < 4; ++i) PublishNumber(*publisher, i);
  EXPECT_FALSE(publisher->TryLoan());
  EXPECT_EQ(publisher->counters().full, 1u);
  EXPECT_EQ(publisher->counters().too_many_loans, 0u);
}

TEST_F(EndpointCounters, BothSidesCountAStall) {
  auto publisher =
      Make<SurePublisher>(*speaker_, PublisherOptions{.stall_limit = absl::ZeroDuration()});
  auto subscriber = Make<SureSubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (uint64_t i = 0; i < 5; ++i) EXPECT_NE(PublishNumber(*publisher, i), 0u);
  EXPECT_EQ(publisher->counters().dropped, 1u);
  EXPECT_EQ(publisher->dropped(), 1u);
  EXPECT_TRUE(Await([&] { return subscriber->counters().dropped == 1; }));
  EXPECT_EQ(subscriber->publishers().at(0).from.dropped, 1u);
  EXPECT_EQ(publisher->subscribers().at(0).counters.dropped, 1u);
}

TEST_F(EndpointCounters, ASubscriberCountsWhatBecameOfEachSample) {
  auto publisher = Make<SmallPublisher>(*speaker_);
  auto subscriber = Make<SmallSubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  for (uint64_t i = 0; i < 20; ++i) PublishNumber(*publisher, i);
  while (subscriber->Take()) {
  }
  for (uint64_t i = 0; i < 3; ++i) PublishNumber(*publisher, i);
  EXPECT_TRUE(subscriber->TakeLatest());
  const SubscriberCounters counters = subscriber->counters();
  EXPECT_EQ(counters.taken, 9u);
  EXPECT_EQ(counters.lost, 12u);
  EXPECT_EQ(counters.skipped, 2u);
  EXPECT_EQ(counters.malformed, 0u);
  EXPECT_EQ(counters.longest_lag, 20u);
  EXPECT_EQ(counters.taken + counters.lost + counters.skipped, publisher->published());
}

TEST_F(EndpointCounters, SamplesThatEndASleepAreMeasured) {
  auto publisher = Make<SmallPublisher>(*speaker_);
  auto subscriber = Make<SmallSubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  ASSERT_FALSE(subscriber->Wait(absl::ZeroDuration()));
  std::thread sleeper([&] { EXPECT_EQ(TakeNumber(*subscriber), 7u); });
  // It sleeps once its armed word is seen: then the publisher has somebody to wake.
  EXPECT_TRUE(Await([&] {
    if (publisher->counters().wakeups == 0) PublishNumber(*publisher, 7);
    return publisher->counters().wakeups != 0 || subscriber->counters().taken != 0;
  }));
  sleeper.join();
  const SubscriberCounters counters = subscriber->counters();
  EXPECT_EQ(counters.taken, 1u);
  EXPECT_EQ(counters.wakeups, counters.latency.count());
  EXPECT_LE(counters.wakeups, 1u);
}

TEST_F(EndpointCounters, WhoPollsSleepsInBetween) {
  auto publisher = Make<SmallPublisher>(*speaker_);
  auto subscriber = Make<SmallSubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  ASSERT_GE(subscriber->fd(), 0);
  for (uint64_t i = 0; i < 5; ++i) {
    while (subscriber->Take()) {
    }
    PublishNumber(*publisher, i);
    PublishNumber(*publisher, i);
  }
  while (subscriber->Take()) {
  }
  EXPECT_EQ(subscriber->counters().taken, 10u);
  EXPECT_EQ(subscriber->counters().wakeups, 5u);
  EXPECT_EQ(subscriber->counters().latency.count(), 5u);
  EXPECT_EQ(subscriber->counters().longest_lag, 2u);
  EXPECT_EQ(publisher->counters().wakeups, 5u);
}

TEST_F(EndpointCounters, OneOf64IsMeasuredWithoutSleep) {
  auto publisher = Make<ManyPublisher>(*speaker_);
  auto subscriber = Make<ManySubscriber>(*listener_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  for (uint64_t i = 0; i < 1'000; ++i) PublishNumber(*publisher, i);
  while (subscriber->Take()) {
  }
  EXPECT_EQ(subscriber->counters().taken, 1'000u);
  EXPECT_EQ(subscriber->counters().wakeups, 0u);
  EXPECT_EQ(subscriber->counters().latency.count(), 15u);
}

TEST_F(EndpointCounters, PeersAreNamedWithWhatTheyCount) {
  auto publisher = Make<SmallPublisher>(*speaker_);
  auto first = Make<SmallSubscriber>(*listener_);
  auto second = Make<SmallSubscriber>(*speaker_);  // Within the node.
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  ASSERT_TRUE(first->WaitForPublisher(kLong));
  PublishNumber(*publisher, 1);
  EXPECT_TRUE(first->Take());
  EXPECT_TRUE(first->publishers().size() == 1 && second->publishers().size() == 1);

  uint64_t taken = 0;
  std::vector<std::string> nodes;
  for (const SubscriberPeer& peer : publisher->subscribers()) {
    nodes.push_back(peer.peer.node_name);
    taken += peer.counters.taken;
    EXPECT_EQ(peer.position, peer.counters.taken);
    EXPECT_EQ(peer.peer.topic, "test/small");
  }
  EXPECT_EQ(taken, 1u);
  ASSERT_EQ(nodes.size(), 2u);
  EXPECT_NE(nodes[0], nodes[1]);

  const PublisherPeer peer = first->publishers().at(0);
  EXPECT_EQ(peer.peer.node_name, "speaker");
  EXPECT_EQ(peer.counters, publisher->counters());
  EXPECT_EQ(peer.from.taken, 1u);

  first.reset();
  EXPECT_TRUE(Await([&] { return publisher->subscribers().size() == 1; }));
  publisher.reset();
  EXPECT_TRUE(Await([&] { return second->publishers().empty(); }));
}

TEST_F(EndpointCounters, TotalsOutliveTheMatches) {
  auto subscriber = Make<SmallSubscriber>(*listener_);
  for (uint64_t i = 1; i <= 3; ++i) {
    auto publisher = Make<SmallPublisher>(*speaker_);
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    PublishNumber(*publisher, i);
    EXPECT_EQ(TakeNumber(*subscriber), i);
    publisher.reset();
    EXPECT_TRUE(Await([&] { return !subscriber->has_publishers(); }));
    EXPECT_FALSE(subscriber->Take());
    EXPECT_EQ(subscriber->counters().taken, i);
  }
}

TEST_F(EndpointCounters, AnyThreadMayAskAtAnyTime) {
  auto subscriber = Make<SmallSubscriber>(*listener_);
  std::atomic<bool> done = false;
  std::thread observer([&] {
    uint64_t taken = 0;
    while (!done) {
      const uint64_t now = subscriber->counters().taken;
      EXPECT_GE(now, taken);
      taken = now;
      for (const PublisherPeer& peer : subscriber->publishers()) {
        EXPECT_EQ(peer.peer.node_name, "speaker");
      }
    }
  });
  for (uint64_t round = 0; round < 20; ++round) {
    auto publisher = Make<SmallPublisher>(*speaker_);
    std::thread asker([&] {
      while (publisher->counters().published < 100) {
        for (const SubscriberPeer& peer : publisher->subscribers()) {
          EXPECT_EQ(peer.peer.node_name, "listener");
        }
      }
    });
    EXPECT_TRUE(publisher->WaitForSubscriber(kLong));
    for (uint64_t i = 0; i < 100; ++i) {
      PublishNumber(*publisher, i);
      subscriber->Take();
    }
    asker.join();
  }
  // The last publisher's confirmation may still be on its way.
  EXPECT_TRUE(Await([&] {
    while (subscriber->Take()) {
    }
    const SubscriberCounters counters = subscriber->counters();
    return counters.taken + counters.lost == 2'000;
  }));
  done = true;
  observer.join();
}

}  // namespace
}  // namespace holler
