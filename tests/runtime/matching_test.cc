// Publishers and subscribers that find each other, in any order, and part.
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/callback_watch.h"
#include "holler/clock.h"
#include "node_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using testing::HasSubstr;

// One node, or two that meet through sockets.
class Matching : public testing::TestWithParam<bool> {
 protected:
  Matching() {
    a_ = std::make_unique<TestNode>("a", domain_);
    b_ = GetParam() ? std::make_unique<TestNode>("b", domain_) : nullptr;
  }
  Node& a() { return **a_; }
  Node& b() { return b_ != nullptr ? **b_ : **a_; }
  Lines& a_infos() { return *a_->infos; }
  Lines& b_infos() { return b_ != nullptr ? *b_->infos : *a_->infos; }
  Lines& a_log() { return *a_->log; }
  Lines& b_log() { return b_ != nullptr ? *b_->log : *a_->log; }

  const uint32_t domain_ = NextDomain();
  std::unique_ptr<TestNode> a_;
  std::unique_ptr<TestNode> b_;
};
INSTANTIATE_TEST_SUITE_P(, Matching, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

TEST_P(Matching, ThePublisherComesFirst) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto subscriber = Make<test::SmallSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  EXPECT_EQ(PublishNumber(*publisher, 1), 1u);
  EXPECT_EQ(TakeNumber(*subscriber), 1u);
}

TEST_P(Matching, TheSubscriberComesFirst) {
  auto subscriber = Make<test::SmallSubscriber>(b());
  auto publisher = Make<test::SmallPublisher>(a());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  EXPECT_EQ(PublishNumber(*publisher, 1), 1u);
  EXPECT_EQ(TakeNumber(*subscriber), 1u);
  EXPECT_EQ(subscriber->lost(), 0u);
}

TEST_P(Matching, WaitingForAPeerTimesOut) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto subscriber = Make<test::SmallSubscriber>(b(), SubscriberOptions{.topic = "other"});
  EXPECT_FALSE(publisher->WaitForSubscriber(absl::Milliseconds(5)));
  EXPECT_FALSE(publisher->WaitForSubscriber(absl::ZeroDuration()));
  EXPECT_FALSE(subscriber->WaitForPublisher(absl::Milliseconds(5)));
  EXPECT_FALSE(subscriber->WaitForPublisher(-absl::Seconds(1)));
}

TEST_P(Matching, OtherThreadsMayWaitForAPeer) {
  auto publisher = Make<test::SmallPublisher>(a());
  std::atomic<int> matched{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back(
        [&] { matched += publisher->WaitForSubscriber(absl::InfiniteDuration()) ? 1 : 0; });
  }
  auto subscriber = Make<test::SmallSubscriber>(b());
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&] { matched += subscriber->WaitForPublisher(kLong) ? 1 : 0; });
  }
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(matched.load(), 6);
}

TEST_P(Matching, EndpointsComeAndGo) {
  auto publisher = Make<test::SmallPublisher>(a());
  uint64_t published = 0;
  for (int round = 0; round < 20; ++round) {
    auto subscriber = Make<test::SmallSubscriber>(b());
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 1; }));
    ASSERT_EQ(PublishNumber(*publisher, 7), ++published);
    ASSERT_EQ(TakeNumber(*subscriber), 7u);
    subscriber.reset();
    ASSERT_TRUE(Await([&] { return !publisher->has_subscribers(); }));
    EXPECT_FALSE(publisher->Loan());
  }
  auto subscriber = Make<test::SmallSubscriber>(b());
  for (int round = 0; round < 20; ++round) {
    publisher = Make<test::SmallPublisher>(a());
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    ASSERT_EQ(PublishNumber(*publisher, 8), 1u);
    ASSERT_EQ(TakeNumber(*subscriber), 8u);
  }
}

TEST_P(Matching, WhatAGonePublisherSaidIsStillTaken) {
  auto subscriber = Make<test::SmallSubscriber>(b());
  for (int round = 0; round < 10; ++round) {
    auto publisher = Make<test::SmallPublisher>(a());
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    for (uint64_t n = 1; n <= 3; ++n) PublishNumber(*publisher, n);
    publisher.reset();
    for (uint64_t n = 1; n <= 3; ++n) ASSERT_EQ(TakeNumber(*subscriber), n);
    ASSERT_TRUE(Await([&] { return !subscriber->has_publishers(); }));
  }
  EXPECT_EQ(subscriber->lost(), 0u);
}

TEST_P(Matching, TellsWhoCameAndWent) {
  Lines news;
  const auto note = [&](const char* what) {
    return [&news, what](const PeerInfo& peer) { news.Add(what + peer.node_name); };
  };
  const std::string there = GetParam() ? "b" : "a";
  auto publisher = Make<test::SmallPublisher>(
      a(), PublisherOptions{.on_matched = note("+sub "), .on_unmatched = note("-sub ")});
  auto subscriber = Make<test::SmallSubscriber>(
      b(), SubscriberOptions{.on_matched = note("+pub "), .on_unmatched = note("-pub ")});
  ASSERT_TRUE(Await([&] { return news.size() == 2; }));
  EXPECT_EQ(news.Find("+sub"), "+sub " + there);
  EXPECT_EQ(news.Find("+pub"), "+pub a");
  publisher.reset();
  ASSERT_TRUE(Await([&] { return news.size() == 3; }));
  EXPECT_EQ(news.all().back(), "-pub a");
  publisher = Make<test::SmallPublisher>(
      a(), PublisherOptions{.on_matched = note("+sub "), .on_unmatched = note("-sub ")});
  ASSERT_TRUE(Await([&] { return news.size() == 5; }));
  subscriber.reset();
  ASSERT_TRUE(Await([&] { return news.size() == 6; }));
  EXPECT_EQ(news.all().back(), "-sub " + there);
}

// One callback serves several endpoints.
TEST_P(Matching, TellsTheTopic) {
  Lines news;
  const auto note = [&](const char* what) {
    return [&news, what](const PeerInfo& peer) { news.Add(what + peer.topic); };
  };
  const PublisherOptions options{.on_matched = note("+sub "), .on_unmatched = note("-sub ")};
  auto small = Make<test::SmallPublisher>(a(), options);
  auto large = Make<test::LargePublisher>(a(), options);
  auto small_subscriber = Make<test::SmallSubscriber>(
      b(), SubscriberOptions{.on_matched = note("+pub "), .on_unmatched = note("-pub ")});
  auto large_subscriber = Make<test::LargeSubscriber>(
      b(), SubscriberOptions{.on_matched = note("+pub "), .on_unmatched = note("-pub ")});
  ASSERT_NE(small->topic(), large->topic());
  ASSERT_TRUE(Await([&] { return news.size() == 4; }));
  for (const std::string& topic : {small->topic(), large->topic()}) {
    EXPECT_EQ(news.Find("+sub " + topic), "+sub " + topic);
    EXPECT_EQ(news.Find("+pub " + topic), "+pub " + topic);
  }
  const std::string topic = large->topic();
  large.reset();
  ASSERT_TRUE(Await([&] { return news.size() == 5; }));
  EXPECT_EQ(news.all().back(), "-pub " + topic);
  small_subscriber.reset();
  ASSERT_TRUE(Await([&] { return news.size() == 6; }));
  EXPECT_EQ(news.all().back(), "-sub " + small->topic());
}

// Each time, though the lines are the same.
TEST_P(Matching, TheLogTellsOfEachMatchAndItsEnd) {
  const std::string pid = std::to_string(::getpid());
  const std::string b_name = GetParam() ? "b" : "a";
  const std::string there = "matched with a subscriber in node '" + b_name + "' (pid " + pid + ")";
  const std::string here = "matched with a publisher in node 'a' (pid " + pid + ")";
  auto publisher = Make<test::SmallPublisher>(a());
  const std::string topic = "topic '" + publisher->topic() + "': ";
  for (size_t times = 1; times <= 3; ++times) {
    auto subscriber = Make<test::SmallSubscriber>(b());
    ASSERT_TRUE(Await([&] {
      return a_infos().Count(topic + "publisher " + there) == times &&
             b_infos().Count(topic + "subscriber " + here) == times;
    }));
    subscriber.reset();
    ASSERT_TRUE(Await([&] {
      return a_infos().Count(topic + "publisher no longer " + there) == times &&
             b_infos().Count(topic + "subscriber no longer " + here) == times;
    }));
    EXPECT_EQ(b_infos().Count(topic + "subscriber created"), times);
    EXPECT_TRUE(Await([&] { return b_infos().Count(topic + "subscriber closed") == times; }));
  }
  EXPECT_EQ(a_infos().Count(topic + "publisher created"), 1u);
  EXPECT_EQ(a_infos().Count(topic + "publisher closed"), 0u);
  publisher.reset();
  EXPECT_TRUE(Await([&] { return a_infos().Count(topic + "publisher closed") == 1; }));
  // One line for each event, and no other.
  const size_t lines = a_infos().size() + (GetParam() ? b_infos().size() : 0);
  const size_t others =
      a_infos().Count("multicast") + (GetParam() ? b_infos().Count("multicast") : 0);
  EXPECT_EQ(lines - others, 2u + 3u * 6u);
}

TEST_P(Matching, TheLogTellsThatAPublisherWent) {
  auto subscriber = Make<test::SmallSubscriber>(b());
  auto publisher = Make<test::SmallPublisher>(a());
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  publisher.reset();
  ASSERT_TRUE(Await([&] { return b_infos().Count("subscriber no longer matched with") == 1; }));
}

TEST_P(Matching, ASlowCallbackIsToldOf) {
  const auto take_long = [](const PeerInfo&) {
    const int64_t start = MonotonicNow();
    while (MonotonicNow() - start <= CallbackWatch::kSlow) {
    }
  };
  auto publisher =
      Make<test::SmallPublisher>(a(), PublisherOptions{.topic = "own", .on_matched = take_long});
  auto subscriber = Make<test::SmallSubscriber>(
      b(), SubscriberOptions{.topic = "own", .on_unmatched = take_long});
  ASSERT_TRUE(Await([&] { return a_log().Count("topic 'own': on_matched ran for ") == 1; }));
  publisher.reset();
  ASSERT_TRUE(Await([&] { return b_log().Count("topic 'own': on_unmatched ran for ") == 1; }));
  EXPECT_EQ(a_log().size() + (GetParam() ? b_log().size() : 0), 2u);
}

TEST_P(Matching, CallbacksMayUseEndpoints) {
  std::unique_ptr<test::SmallPublisher> publisher;
  std::atomic<bool> ready{false};
  auto subscriber = Make<test::SmallSubscriber>(b());
  publisher = Make<test::SmallPublisher>(a(), PublisherOptions{.on_matched = [&](const PeerInfo&) {
                                           while (!ready.load()) std::this_thread::yield();
                                           PublishNumber(*publisher, 5);
                                         }});
  ready.store(true);
  EXPECT_EQ(TakeNumber(*subscriber), 5u);
}

// ---- start_at ----

TEST_P(Matching, ALateSubscriberChoosesWhereItStarts) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto first = Make<test::SmallSubscriber>(b());  // Or nothing would be written.
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (uint64_t n = 1; n <= 5; ++n) PublishNumber(*publisher, n);
  const auto late = [&](StartAt start_at) {
    auto subscriber = Make<test::SmallSubscriber>(b(), SubscriberOptions{.start_at = start_at});
    EXPECT_TRUE(subscriber->WaitForPublisher(kLong));
    return subscriber;
  };
  auto by_default = late(StartAt::kDefault);
  auto next = late(StartAt::kNext);
  auto newest = late(StartAt::kNewest);
  auto oldest = late(StartAt::kOldest);
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 5; }));
  EXPECT_EQ(TakeNumber(*newest), 5u);
  for (uint64_t n = 1; n <= 5; ++n) EXPECT_EQ(TakeNumber(*oldest), n);
  PublishNumber(*publisher, 6);
  for (auto* subscriber : {by_default.get(), next.get(), newest.get(), oldest.get()}) {
    EXPECT_EQ(TakeNumber(*subscriber), 6u);
    EXPECT_EQ(subscriber->lost(), 0u);
  }
}

TEST_P(Matching, ALatchedSampleCanBeDeclined) {
  auto publisher = Make<test::LastPublisher>(a());
  PublishNumber(*publisher, 1);
  auto subscriber = Make<test::LastSubscriber>(b(), SubscriberOptions{.start_at = StartAt::kNext});
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  PublishNumber(*publisher, 2);
  EXPECT_EQ(TakeNumber(*subscriber), 2u);
  EXPECT_EQ(subscriber->lost(), 0u);
}

// ---- max_subscribers ----

TEST_P(Matching, OneTooManyIsToldAndWaitsForAPlace) {
  Lines refused_publisher;
  Lines refused_subscriber;
  auto publisher = Make<test::FewPublisher>(
      a(), PublisherOptions{.on_refused = [&](const PeerInfo&, const absl::Status& why) {
        refused_publisher.Add(std::string(why.message()));
      }});
  std::vector<std::unique_ptr<test::FewSubscriber>> places;
  for (int i = 0; i < 2; ++i) places.push_back(Make<test::FewSubscriber>(b()));
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  auto third = Make<test::FewSubscriber>(
      b(), SubscriberOptions{.on_refused = [&](const PeerInfo&, const absl::Status& why) {
        refused_subscriber.Add(std::string(why.message()));
      }});
  ASSERT_TRUE(
      Await([&] { return refused_publisher.size() == 1 && refused_subscriber.size() == 1; }));
  EXPECT_THAT(refused_subscriber.all()[0], HasSubstr("max_subscribers"));
  EXPECT_THAT(refused_subscriber.all()[0], HasSubstr("test/few"));
  EXPECT_THAT(refused_publisher.all()[0], HasSubstr("max_subscribers"));
  EXPECT_NE(a_log().Find("max_subscribers"), "") << "the log tells as well";
  EXPECT_NE(b_log().Find("max_subscribers"), "");
  EXPECT_FALSE(third->has_publishers());

  PublishNumber(*publisher, 1);
  for (auto& place : places) EXPECT_EQ(TakeNumber(*place), 1u) << "others are undisturbed";
  EXPECT_FALSE(third->Take());

  places.pop_back();
  ASSERT_TRUE(third->WaitForPublisher(kLong)) << "admitted when one leaves";
  PublishNumber(*publisher, 2);
  EXPECT_EQ(TakeNumber(*third), 2u);
  EXPECT_EQ(TakeNumber(*places[0]), 2u);
  EXPECT_EQ(third->lost(), 0u);
}

TEST_P(Matching, PlacesAreFilledInOrderOfArrival) {
  auto publisher = Make<test::FewPublisher>(a());
  std::vector<std::unique_ptr<test::FewSubscriber>> subscribers;
  std::atomic<int> refused{0};
  for (int i = 0; i < 6; ++i) {
    subscribers.push_back(Make<test::FewSubscriber>(
        b(),
        SubscriberOptions{.on_refused = [&](const PeerInfo&, const absl::Status&) { ++refused; }}));
    ASSERT_TRUE(Await([&] { return refused.load() == std::max(0, i - 1); }));
  }
  for (size_t next = 2; next < 6; ++next) {
    subscribers[next - 2].reset();
    ASSERT_TRUE(subscribers[next]->WaitForPublisher(kLong));
    ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  }
}

TEST_P(Matching, WhoeverWaitedAndLeftTakesNoPlace) {
  auto publisher = Make<test::FewPublisher>(a());
  std::vector<std::unique_ptr<test::FewSubscriber>> subscribers;
  for (int i = 0; i < 2; ++i) subscribers.push_back(Make<test::FewSubscriber>(b()));
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  std::atomic<int> refused{0};
  const SubscriberOptions options{
      .on_refused = [&](const PeerInfo&, const absl::Status&) { ++refused; }};
  auto third = Make<test::FewSubscriber>(b(), options);
  auto fourth = Make<test::FewSubscriber>(b(), options);
  ASSERT_TRUE(Await([&] { return refused.load() == 2; }));
  third.reset();
  subscribers.pop_back();
  ASSERT_TRUE(fourth->WaitForPublisher(kLong));
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
}

// ---- Latched topics ----

TEST_P(Matching, ALateJoinerGetsTheLastSampleOfALatchedTopic) {
  auto publisher = Make<test::LastPublisher>(a());
  for (uint64_t n = 1; n <= 20; ++n) EXPECT_EQ(PublishNumber(*publisher, n), n);
  for (int round = 0; round < 3; ++round) {
    auto subscriber = Make<test::LastSubscriber>(b());
    EXPECT_EQ(TakeNumber(*subscriber), 20u);
    EXPECT_FALSE(subscriber->Take());
    EXPECT_EQ(subscriber->lost(), 0u);
    EXPECT_EQ(subscriber->skipped(), 0u);
  }
}

TEST_P(Matching, AnEmptyLatchedTopicHasNothingToGive) {
  auto publisher = Make<test::LastPublisher>(a());
  auto subscriber = Make<test::LastSubscriber>(b());
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  EXPECT_FALSE(subscriber->Take());
  PublishNumber(*publisher, 1);
  EXPECT_EQ(TakeNumber(*subscriber), 1u);
}

TEST_P(Matching, AnOrdinaryTopicKeepsNothingForLateJoiners) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto early = Make<test::SmallSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  PublishNumber(*publisher, 1);
  auto late = Make<test::SmallSubscriber>(b());
  ASSERT_TRUE(late->WaitForPublisher(kLong));
  PublishNumber(*publisher, 2);
  EXPECT_EQ(TakeNumber(*late), 2u);
  EXPECT_EQ(late->lost(), 0u);
  EXPECT_EQ(TakeNumber(*early), 1u);
}

// ---- Many ----

TEST_P(Matching, ManyPublishersAndSubscribers) {
  constexpr int kEach = 12;
  std::vector<std::unique_ptr<test::ManyPublisher>> publishers;
  std::vector<std::unique_ptr<test::ManySubscriber>> subscribers;
  for (int i = 0; i < kEach; ++i) {
    publishers.push_back(Make<test::ManyPublisher>(i % 2 == 0 ? a() : b()));
    subscribers.push_back(Make<test::ManySubscriber>(i % 3 == 0 ? a() : b()));
  }
  for (auto& publisher : publishers) {
    ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == kEach; }));
  }
  for (uint64_t n = 0; n < 50 * kEach; ++n) PublishNumber(*publishers[n % kEach], n);
  for (auto& subscriber : subscribers) {
    ASSERT_TRUE(Await([&] { return subscriber->publisher_count() == kEach; }));
    for (uint64_t n = 0; n < 50 * kEach; ++n) ASSERT_EQ(TakeNumber(*subscriber), n);
    EXPECT_FALSE(subscriber->Take());
    EXPECT_EQ(subscriber->lost(), 0u);
  }
}

constexpr int kOrders = 200;  // e2e.start_orders tries a thousand, between processes.

// Nodes and endpoints made at once by several threads: whoever waited for a subscriber reaches it
// with its very next sample.
TEST(StartOrders, TheFirstSampleAlwaysArrives) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < kOrders && !testing::Test::HasFailure(); ++round) {
    const uint32_t domain = NextDomain();
    const bool multicast = random() % 4 != 0;
    const uint32_t publisher_delay = random() % 3 == 0 ? random() % 300 : 0;
    const uint32_t subscriber_delay = random() % 3 == 0 ? random() % 300 : 0;
    const auto yield = [](uint32_t times) {
      for (uint32_t i = 0; i < times; ++i) std::this_thread::yield();
    };
    std::atomic<bool> received{false};
    std::thread subscribing([&] {
      yield(subscriber_delay);
      TestNode node("subscriber", domain, multicast);
      yield(subscriber_delay);
      auto subscriber = Make<test::SmallSubscriber>(*node);
      EXPECT_EQ(TakeNumber(*subscriber), 77u);
      EXPECT_EQ(subscriber->lost(), 0u);
      received.store(true);
    });
    yield(publisher_delay);
    TestNode node("publisher", domain, multicast);
    yield(publisher_delay);
    auto publisher = Make<test::SmallPublisher>(*node);
    EXPECT_TRUE(publisher->WaitForSubscriber(kLong));
    EXPECT_EQ(PublishNumber(*publisher, 77), 1u);
    // Half of the publishers are gone at once.
    if (random() % 2 == 0) publisher.reset();
    subscribing.join();
    EXPECT_TRUE(received.load()) << "round " << round;
  }
}

}  // namespace
}  // namespace holler
