// Nodes that find each other, or do not.
#include "holler/discovery.h"

#include <memory>

#include "gtest/gtest.h"
#include "node_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

// Both have looked for others as often as they ever will.
bool AreDoneLooking(const Node& a, const Node& b) {
  return Await([&] { return a.stats().sweeps >= 3 && b.stats().sweeps >= 3; });
}

TEST(Discovery, DomainsDoNotMeet) {
  const uint32_t domain = NextDomain();
  TestNode a("a", domain);
  TestNode b("b", NextDomain());
  ASSERT_NE(a->domain(), b->domain());
  auto publisher = Make<test::SmallPublisher>(*a);
  auto subscriber = Make<test::SmallSubscriber>(*b);
  ASSERT_TRUE(AreDoneLooking(*a.node, *b.node));
  EXPECT_FALSE(publisher->has_subscribers());
  EXPECT_FALSE(subscriber->has_publishers());
  EXPECT_EQ(a->stats().connections, 0u);
}

TEST(Discovery, TopicsDoNotMeet) {
  const uint32_t domain = NextDomain();
  TestNode a("a", domain);
  TestNode b("b", domain);
  auto publisher = Make<test::SmallPublisher>(*a);
  auto subscriber = Make<test::SmallSubscriber>(*b, SubscriberOptions{.topic = "other"});
  ASSERT_TRUE(AreDoneLooking(*a.node, *b.node));
  EXPECT_FALSE(publisher->has_subscribers());
  EXPECT_FALSE(subscriber->has_publishers());
  EXPECT_EQ(a->stats().connections + b->stats().connections, 0u) << "nothing in common";
}

TEST(Discovery, WorksWithoutMulticast) {
  for (const bool first : {false, true}) {
    const uint32_t domain = NextDomain();
    TestNode a("a", domain, first);
    TestNode b("b", domain, false);
    auto publisher = Make<test::SmallPublisher>(*a);
    auto subscriber = Make<test::SmallSubscriber>(*b);
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    EXPECT_EQ(PublishNumber(*publisher, 5), 1u);
    EXPECT_EQ(TakeNumber(*subscriber), 5u);
    EXPECT_EQ(b->stats().hollers_sent, 0u);
  }
}

TEST(Discovery, TwoNodesShareOneConnection) {
  const uint32_t domain = NextDomain();
  TestNode a("a", domain);
  TestNode b("b", domain);
  auto small = Make<test::SmallPublisher>(*a);
  auto large = Make<test::LargePublisher>(*b);
  auto small_subscriber = Make<test::SmallSubscriber>(*b);
  auto large_subscriber = Make<test::LargeSubscriber>(*a);
  ASSERT_TRUE(small->WaitForSubscriber(kLong));
  ASSERT_TRUE(large->WaitForSubscriber(kLong));
  ASSERT_TRUE(AreDoneLooking(*a.node, *b.node));
  EXPECT_EQ(a->stats().connections, 1u);
  EXPECT_EQ(b->stats().connections, 1u);
}

TEST(Discovery, MeetsNewTopicsOfOldNodes) {
  const uint32_t domain = NextDomain();
  TestNode a("a", domain);
  TestNode b("b", domain);
  ASSERT_EQ(a->stats().connections, 0u);
  auto publisher = Make<test::SmallPublisher>(*a);
  ASSERT_TRUE(Await([&] { return a->stats().sweeps >= 3; }));  // It met b in vain.
  auto subscriber = Make<test::SmallSubscriber>(*b);
  EXPECT_TRUE(publisher->WaitForSubscriber(kLong));
  auto second = Make<test::LargePublisher>(*b);
  auto second_subscriber = Make<test::LargeSubscriber>(*a);
  EXPECT_TRUE(second->WaitForSubscriber(kLong));
}

}  // namespace
}  // namespace holler
