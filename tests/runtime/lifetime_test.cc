// Nodes, endpoints and samples that end in any order.
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "node_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

class Lifetime : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    fds_ = CountOpenFds();
    a_ = std::make_unique<TestNode>("a", domain_);
    if (GetParam()) b_ = std::make_unique<TestNode>("b", domain_);
  }
  void TearDown() override {
    a_.reset();
    b_.reset();
    EXPECT_TRUE(Await([&] { return CountOpenFds() == fds_; }))
        << CountOpenFds() - fds_ << " files are still open";
  }
  Node& a() { return **a_; }
  Node& b() { return b_ != nullptr ? **b_ : **a_; }

  int fds_ = 0;
  const uint32_t domain_ = NextDomain();
  std::unique_ptr<TestNode> a_;
  std::unique_ptr<TestNode> b_;
};
INSTANTIATE_TEST_SUITE_P(, Lifetime, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

// Nodes, endpoints and a held sample, ended in each of the 120 orders.
TEST_P(Lifetime, AnyOrderWillDo) {
  std::vector<int> order = {0, 1, 2, 3, 4};
  do {
    const uint32_t domain = NextDomain();
    auto a = std::make_unique<TestNode>("a", domain);
    auto b = GetParam() ? std::make_unique<TestNode>("b", domain) : nullptr;
    auto publisher = Make<test::SmallPublisher>(**a);
    auto subscriber = Make<test::SmallSubscriber>(b != nullptr ? **b : **a);
    ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
    PublishNumber(*publisher, 7);
    ASSERT_TRUE(subscriber->Wait(kLong));
    std::optional<Sample<test::Small>> sample = subscriber->Take();
    ASSERT_TRUE(*sample);
    const std::function<void()> ends[] = {[&] { a.reset(); }, [&] { b.reset(); },
                                          [&] { publisher.reset(); }, [&] { subscriber.reset(); },
                                          [&] { sample.reset(); }};
    for (const int i : order) {
      if (sample.has_value()) {
        EXPECT_EQ((*sample)->number(), 7u);
        EXPECT_EQ(sample->publisher().node_name, "a");
      }
      ends[i]();
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_P(Lifetime, EndpointsOutliveTheirNodes) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto subscriber = Make<test::SmallSubscriber>(b());
  a_->node.reset();
  if (b_ != nullptr) b_->node.reset();
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (uint64_t n = 1; n <= 100; ++n) {
    PublishNumber(*publisher, n);
    ASSERT_EQ(TakeNumber(*subscriber), n);
  }
}

TEST_P(Lifetime, ASampleOutlivesItsSubscriber) {
  auto publisher = Make<test::LargePublisher>(a());
  auto subscriber = Make<test::LargeSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  auto other = Make<test::LargeSubscriber>(a());
  const auto publish = [&](uint64_t n) {
    auto loan = publisher->LoanUninitialized();
    loan->set_number(n);
    for (uint32_t i = 0; i < 1'023; ++i) loan->mutable_words().Mutate(i, n + i);
    return publisher->Publish(std::move(loan));
  };
  publish(5);
  ASSERT_TRUE(subscriber->Wait(kLong));
  auto sample = subscriber->Take();
  ASSERT_TRUE(sample);
  subscriber.reset();
  for (uint64_t n = 100; n < 500; ++n) {
    publish(n);
    ASSERT_EQ(sample->number(), 5u);
    ASSERT_EQ((*sample->words())[1'022], 5u + 1'022) << "the slot was used again";
  }
  sample.Release();
  EXPECT_TRUE(Await([&] { return publisher->subscriber_count() == 1; }));
}

// It waits for a place at one publisher, and is closed while a sample of another is held.
TEST_P(Lifetime, OneThatIsClosedTakesNoPlace) {
  auto full = Make<test::FewPublisher>(a());  // Two places.
  auto other = Make<test::SmallPublisher>(a(), PublisherOptions{.topic = full->topic()});
  auto first = Make<test::FewSubscriber>(b());
  auto second = Make<test::FewSubscriber>(b());
  ASSERT_TRUE(Await([&] { return full->subscriber_count() == 2; }));
  auto waiting = Make<test::FewSubscriber>(b());
  ASSERT_TRUE(Await([&] { return other->subscriber_count() == 3; }));
  {
    auto loan = other->Loan();
    loan->set_number(5);
    other->Publish(std::move(loan));
  }
  ASSERT_TRUE(waiting->Wait(kLong));
  auto sample = waiting->Take();
  ASSERT_TRUE(sample);
  waiting.reset();
  second.reset();
  auto third = Make<test::FewSubscriber>(b());
  EXPECT_TRUE(Await([&] { return third->publisher_count() == 2; }));
  EXPECT_EQ(sample->number(), 5u);
}

TEST_P(Lifetime, ASampleOutlivesItsPublisher) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto subscriber = Make<test::SmallSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  PublishNumber(*publisher, 6);
  ASSERT_TRUE(subscriber->Wait(kLong));
  auto sample = subscriber->Take();
  publisher.reset();
  ASSERT_TRUE(Await([&] { return !subscriber->has_publishers(); }));
  EXPECT_FALSE(subscriber->Take());
  EXPECT_EQ(sample->number(), 6u);
  EXPECT_EQ(sample.publisher().node_name, "a");
}

// Once a subscriber is destroyed, none of its callbacks runs, even if one of its samples is held.
TEST_P(Lifetime, ADestroyedSubscriberIsCalledNoMore) {
  auto publisher = Make<test::SmallPublisher>(a());
  std::atomic<int> calls{0};
  std::atomic<bool> destroyed{false};
  std::atomic<int> calls_after{0};
  const auto count = [&](const PeerInfo&) { ++(destroyed.load() ? calls_after : calls); };
  auto subscriber = Make<test::SmallSubscriber>(
      b(), SubscriberOptions{.on_matched = count, .on_unmatched = count});
  ASSERT_TRUE(Await([&] { return calls.load() == 1; }));
  PublishNumber(*publisher, 1);
  ASSERT_TRUE(subscriber->Wait(kLong));
  auto sample = subscriber->Take();
  ASSERT_TRUE(sample);
  subscriber.reset();
  destroyed.store(true);
  // A publisher that comes, and one that goes.
  auto second = Make<test::SmallPublisher>(a());
  auto control = Make<test::SmallSubscriber>(b());
  ASSERT_TRUE(Await([&] { return control->publisher_count() == 2; }));
  publisher.reset();
  ASSERT_TRUE(Await([&] { return control->publisher_count() == 1; }));
  sample.Release();
  ASSERT_TRUE(Await([&] { return second->subscriber_count() == 1; }));
  EXPECT_EQ(calls_after.load(), 0);
}

// ---- Within callbacks ----

// What a callback may capture is used after it has destroyed its own endpoint.
TEST_P(Lifetime, ACallbackMayDestroyItsPublisher) {
  for (int round = 0; round < 10; ++round) {
    std::unique_ptr<test::SmallPublisher> publisher;
    std::atomic<bool> ready{false};
    std::atomic<bool> done{false};
    const std::string long_text(100, 'x');
    publisher = Make<test::SmallPublisher>(
        a(), PublisherOptions{.on_matched = [&, long_text](const PeerInfo& peer) {
          while (!ready.load()) std::this_thread::yield();
          publisher.reset();
          EXPECT_EQ(long_text, std::string(100, 'x'));
          EXPECT_FALSE(peer.node_name.empty());
          done.store(true);
        }});
    auto subscriber = Make<test::SmallSubscriber>(b());
    ready.store(true);
    ASSERT_TRUE(Await([&] { return done.load(); }));
  }
}

TEST_P(Lifetime, ACallbackMayDestroyItsSubscriber) {
  for (int round = 0; round < 10; ++round) {
    std::unique_ptr<test::SmallSubscriber> subscriber;
    std::atomic<bool> ready{false};
    std::atomic<bool> done{false};
    const std::string long_text(100, 'x');
    subscriber = Make<test::SmallSubscriber>(
        b(), SubscriberOptions{.on_matched = [&, long_text](const PeerInfo& peer) {
          while (!ready.load()) std::this_thread::yield();
          subscriber.reset();
          EXPECT_EQ(long_text, std::string(100, 'x'));
          EXPECT_FALSE(peer.node_name.empty());
          done.store(true);
        }});
    auto publisher = Make<test::SmallPublisher>(a());
    ready.store(true);
    ASSERT_TRUE(Await([&] { return done.load(); }));
  }
}

TEST_P(Lifetime, ACallbackMayDestroyTheOtherSide) {
  std::unique_ptr<test::SmallSubscriber> subscriber;
  std::atomic<bool> ready{false};
  std::atomic<bool> done{false};
  auto publisher =
      Make<test::SmallPublisher>(a(), PublisherOptions{.on_matched = [&](const PeerInfo&) {
                                   while (!ready.load()) std::this_thread::yield();
                                   subscriber.reset();
                                   done.store(true);
                                 }});
  subscriber = Make<test::SmallSubscriber>(b());
  ready.store(true);
  ASSERT_TRUE(Await([&] { return done.load() && !publisher->has_subscribers(); }));
}

// The last reference to the discovery thread goes within that very thread.
TEST_P(Lifetime, ACallbackMayDestroyEverything) {
  auto publisher = std::make_unique<std::unique_ptr<test::SmallPublisher>>();
  std::atomic<bool> ready{false};
  std::atomic<bool> done{false};
  *publisher = Make<test::SmallPublisher>(a(), PublisherOptions{.on_matched = [&](const PeerInfo&) {
                                            while (!ready.load()) std::this_thread::yield();
                                            a_->node.reset();
                                            publisher->reset();
                                            done.store(true);
                                          }});
  auto subscriber = Make<test::SmallSubscriber>(b());
  if (!GetParam()) {
    // The subscriber holds on to the node's discovery; it goes right after.
    ready.store(true);
    ASSERT_TRUE(Await([&] { return done.load(); }));
    return;
  }
  ready.store(true);
  ASSERT_TRUE(Await([&] { return done.load() && !subscriber->has_publishers(); }));
}

// Destroying an endpoint waits for its callback.
TEST_P(Lifetime, DestructionAwaitsTheCallback) {
  std::atomic<bool> in_callback{false};
  std::atomic<bool> proceed{false};
  std::atomic<bool> finished{false};
  auto subscriber =
      Make<test::SmallSubscriber>(b(), SubscriberOptions{.on_matched = [&](const PeerInfo&) {
                                    in_callback.store(true);
                                    while (!proceed.load()) std::this_thread::yield();
                                    finished.store(true);
                                  }});
  auto publisher = Make<test::SmallPublisher>(a());
  ASSERT_TRUE(Await([&] { return in_callback.load(); }));
  std::thread destroyer([&] {
    subscriber.reset();
    EXPECT_TRUE(finished.load());
  });
  proceed.store(true);
  destroyer.join();
}

// Endpoints of one node made and destroyed by several threads, with samples flowing.
TEST_P(Lifetime, ManyThreadsMakeAndDestroyEndpoints) {
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (uint32_t round = 0; round < 30; ++round) {
        if (t % 2 == 0) {
          auto publisher = Make<test::SmallPublisher>(t == 0 ? a() : b());
          for (uint64_t n = 1; n <= 50; ++n) PublishNumber(*publisher, n);
        } else {
          auto subscriber = Make<test::SmallSubscriber>(t == 1 ? a() : b());
          Sample<test::Small> held;
          for (int i = 0; i < 50; ++i) {
            if (auto sample = subscriber->Take()) held = std::move(sample);
          }
          subscriber.reset();
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace holler
