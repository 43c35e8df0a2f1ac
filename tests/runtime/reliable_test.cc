// Reliable topics: publishers that wait, subscribers that lose nothing, and those that stall.
//
// With HOLLER_STRESS=34 the tests with processes publish 10 million samples; that takes minutes.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "holler/clock.h"
#include "node_support.h"
#include "process_support.h"
#include "stress_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using testing::HasSubstr;

uint64_t FewSamples() { return StressRounds(20'000); }
uint64_t SamplesBetweenProcesses() { return StressRounds(300'000); }

template <typename Loan, typename Publisher>
uint64_t PublishLoan(Publisher& publisher, Loan&& loan, uint64_t number) {
  if (!loan) return 0;
  loan->set_number(number);
  return publisher.Publish(std::forward<Loan>(loan));
}

// Publishes as long as that needs no waiting, up to `most` samples. Returns how many.
template <typename Publisher>
uint64_t PublishSome(Publisher& publisher, uint64_t most = 1'000) {
  uint64_t count = 0;
  while (count < most && PublishLoan(publisher, publisher.TryLoan(), count) != 0) ++count;
  return count;
}

// Takes and counts what there is.
template <typename Subscriber>
uint64_t TakeAll(Subscriber& subscriber) {
  uint64_t count = 0;
  while (subscriber.Take()) ++count;
  return count;
}

// What on_refused was told.
struct Refusals {
  RefusalCallback callback() {
    return [this](const PeerInfo& peer, const absl::Status& why) {
      lines.Add(absl::StrCat(peer.topic, " ", std::string(why.ToString())));
    };
  }
  Lines lines;
};

// One node, or two that meet through sockets.
class Reliable : public testing::TestWithParam<bool> {
 protected:
  Reliable() {
    a_ = std::make_unique<TestNode>("a", domain_);
    b_ = GetParam() ? std::make_unique<TestNode>("b", domain_) : nullptr;
  }
  Node& a() { return **a_; }
  Node& b() { return b_ != nullptr ? **b_ : **a_; }

  const uint32_t domain_ = NextDomain();
  std::unique_ptr<TestNode> a_;
  std::unique_ptr<TestNode> b_;
};
INSTANTIATE_TEST_SUITE_P(, Reliable, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

const PublisherOptions kPatient{.stall_limit = absl::InfiniteDuration()};

TEST_P(Reliable, NothingIsLostAtAnySpeed) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  std::vector<std::unique_ptr<test::SureSubscriber>> subscribers;
  for (int i = 0; i < 4; ++i) subscribers.push_back(Make<test::SureSubscriber>(b()));
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 4; }));
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      for (uint64_t n = 1; n <= FewSamples(); ++n) {
        ASSERT_EQ(TakeNumber(*subscribers[i]), n);
        if (random() % 16 == 0) Idle(random, 5 * i);
      }
    });
  }
  for (uint64_t n = 1; n <= FewSamples(); ++n) EXPECT_EQ(PublishNumber(*publisher, n), n);
  for (auto& thread : threads) thread.join();
  for (auto& subscriber : subscribers) EXPECT_EQ(subscriber->lost(), 0u);
  EXPECT_EQ(publisher->dropped(), 0u);
}

TEST_P(Reliable, NothingOfABatchIsLost) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto one_by_one = Make<test::SureSubscriber>(b());
  auto in_batches = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  std::thread other([&] {
    for (uint64_t n = 1; n <= FewSamples(); ++n) ASSERT_EQ(TakeNumber(*one_by_one), n);
  });
  std::thread taker([&] {
    uint64_t last = 0;
    while (last < FewSamples()) {
      in_batches->TakeBatch(7, [&](auto& sample) { ASSERT_EQ(sample->number(), ++last); });
      if (last < FewSamples()) in_batches->Wait(kLong);
    }
  });
  for (uint64_t n = 0; n < FewSamples();) {
    const uint64_t count = std::min<uint64_t>(n % 23 + 1, FewSamples() - n);
    ASSERT_EQ(publisher->PublishBatch(
                  count, [&](auto& message, size_t i) { message.set_number(n + i + 1); }),
              count);
    n += count;
  }
  other.join();
  taker.join();
  EXPECT_EQ(one_by_one->lost() + in_batches->lost(), 0u);
}

// Each sample of a batch that was taken makes room, however long the next takes to be handled.
TEST_P(Reliable, WhoHandlesABatchSlowlyHoldsNobodyUp) {
  constexpr uint64_t kMany = 12;
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  std::thread other([&] {
    for (uint64_t n = 1; n <= kMany; ++n) EXPECT_EQ(PublishNumber(*publisher, n), n);
  });
  ASSERT_EQ(TakeNumber(*subscriber), 1u);
  ASSERT_TRUE(Await([&] { return publisher->published() == 5; }));
  uint64_t taken = 1;
  while (taken < kMany) {
    subscriber->TakeBatch(100, [&](auto& sample) {
      EXPECT_EQ(sample->number(), ++taken);
      const uint64_t expected = std::min(taken + 4, kMany);
      EXPECT_TRUE(Await([&] { return publisher->published() >= expected; }))
          << publisher->published() << " published, " << taken << " taken";
    });
    if (taken < kMany) subscriber->Wait(kLong);
  }
  other.join();
  EXPECT_EQ(subscriber->lost(), 0u);
}

// Samples that had to wait for room have the time at which there was some.
TEST_P(Reliable, ABatchThatWaitsTellsTheTimeAnew) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  std::thread other([&] {
    const auto fill = [](auto& message, size_t i) { message.set_number(i); };
    EXPECT_EQ(publisher->PublishBatch(5, fill), 5u);
  });
  ASSERT_TRUE(Await([&] { return publisher->published() == 4; }));
  const int64_t before = MonotonicNow();
  for (uint64_t n = 0; n < 5; ++n) {
    ASSERT_TRUE(subscriber->Wait(kLong));
    const auto sample = subscriber->Take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample.publish_time() >= before, n == 4) << n;
  }
  other.join();
}

TEST_P(Reliable, ABatchEndsWhereThereIsNoRoom) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  const auto fill = [](auto& message, size_t i) { message.set_number(i); };
  EXPECT_EQ(publisher->PublishBatch(10, fill, absl::ZeroDuration()), 4u);
  EXPECT_EQ(publisher->PublishBatch(10, fill, absl::Milliseconds(2)), 0u);
  EXPECT_EQ(TakeAll(*subscriber), 4u);
}

TEST_P(Reliable, ALoanSaysWhyThereIsNone) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  EXPECT_EQ(publisher->TryLoan().why(), NoLoan::kNoSubscribers);
  EXPECT_EQ(publisher->Loan().why(), NoLoan::kNoSubscribers);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  EXPECT_EQ(PublishSome(*publisher), 4u);
  EXPECT_EQ(publisher->TryLoan().why(), NoLoan::kFull);
  EXPECT_EQ(publisher->Loan(-absl::Seconds(1)).why(), NoLoan::kFull);
  EXPECT_EQ(publisher->Loan(absl::Milliseconds(2)).why(), NoLoan::kFull);
  EXPECT_EQ(publisher->LoanUninitialized(absl::ZeroDuration()).why(), NoLoan::kFull);
  ASSERT_EQ(TakeNumber(*subscriber), 0u);
  {
    auto loan = publisher->Loan(kLong);
    EXPECT_EQ(loan.why(), NoLoan::kNone);
    EXPECT_EQ(publisher->TryLoan().why(), NoLoan::kFull) << "there is room for one";
    ASSERT_EQ(TakeNumber(*subscriber), 1u);
    auto second = publisher->TryLoan();
    EXPECT_TRUE(second);
    ASSERT_EQ(TakeNumber(*subscriber), 2u);
    EXPECT_EQ(publisher->Loan().why(), NoLoan::kTooManyLoans) << "waiting would not help";
  }
  EXPECT_EQ(PublishSome(*publisher), 3u);
}

TEST_P(Reliable, OtherTopicsNeverWait) {
  auto publisher = Make<test::SmallPublisher>(a());
  auto subscriber = Make<test::SmallSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  EXPECT_EQ(PublishSome(*publisher, 100), 100u);
  EXPECT_EQ(PublishLoan(*publisher, publisher->Loan(absl::InfiniteDuration()), 1), 101u);
  EXPECT_EQ(TakeAll(*subscriber) + subscriber->lost(), 101u);
}

TEST_P(Reliable, PublishingAMessageWaitsAsALoanDoes) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  std::thread taker([&] {
    for (uint64_t n = 1; n <= 1'000; ++n) ASSERT_EQ(TakeNumber(*subscriber), n);
  });
  for (uint64_t n = 1; n <= 1'000; ++n) ASSERT_EQ(publisher->Publish(test::Small(n)), n);
  taker.join();
  EXPECT_EQ(subscriber->lost(), 0u);
}

TEST_P(Reliable, TryPublishNeverWaits) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (uint64_t n = 1; n <= 4; ++n) EXPECT_EQ(publisher->TryPublish(test::Small(n)), n);
  EXPECT_EQ(publisher->TryPublish(test::Small(5)), 0u);
  EXPECT_EQ(publisher->Publish(test::Small(5), absl::Milliseconds(2)), 0u);
  EXPECT_EQ(publisher->counters().full, 2u);
  EXPECT_EQ(publisher->published(), 4u);
  ASSERT_EQ(TakeNumber(*subscriber), 1u);
  EXPECT_EQ(publisher->TryPublish(test::Small(5)), 5u);
}

TEST_P(Reliable, ATakeWakesThePublisher) {
  auto publisher = Make<test::StrictPublisher>(a(), kPatient);
  auto subscriber = Make<test::StrictSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  std::thread taker([&] {
    for (uint64_t n = 1; n <= 1'000; ++n) ASSERT_EQ(TakeNumber(*subscriber), n);
  });
  for (uint64_t n = 1; n <= 1'000; ++n) {
    ASSERT_EQ(PublishLoan(*publisher, publisher->Loan(kLong), n), n);
  }
  taker.join();
}

TEST_P(Reliable, ClosingWakesThePublisher) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  for (int round = 0; round < 20; ++round) {
    auto subscriber = Make<test::SureSubscriber>(b());
    ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 1; }));
    PublishSome(*publisher);
    std::thread closer([&] { subscriber.reset(); });
    EXPECT_EQ(publisher->Loan(kLong).why(), NoLoan::kNoSubscribers);
    closer.join();
    // Or the next round's would come before this one is gone there, and have room.
    ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 0; }));
  }
}

// The samples held stay as they are; but the publisher goes on.
TEST_P(Reliable, ClosingWithSamplesHeldWakesThePublisher) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_EQ(PublishNumber(*publisher, 77), 1u);
  ASSERT_TRUE(subscriber->Wait(kLong));
  auto held = subscriber->Take();
  ASSERT_TRUE(held);
  PublishSome(*publisher);
  std::thread closer([&] { subscriber.reset(); });
  ASSERT_NE(PublishLoan(*publisher, publisher->Loan(kLong), 1), 0u);
  closer.join();
  EXPECT_EQ(PublishSome(*publisher, 100), 100u);
  EXPECT_EQ(held->number(), 77u);
}

TEST_P(Reliable, BestEffortSubscribersHoldNobodyUp) {
  auto publisher = Make<test::SurePublisher>(a(), kPatient);
  auto careless = Make<test::SureSubscriber>(b(), SubscriberOptions{.best_effort = true});
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(careless->WaitForPublisher(kLong));
  EXPECT_EQ(PublishSome(*publisher, 100), 100u);
  auto careful = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  ASSERT_TRUE(careful->WaitForPublisher(kLong));
  uint64_t published = 100;
  uint64_t taken = 0;
  for (int i = 0; i < 50; ++i) {
    published += PublishSome(*publisher);
    taken += TakeAll(*careful);
  }
  EXPECT_EQ(taken, published - 100);
  EXPECT_EQ(careful->lost(), 0u);
  EXPECT_EQ(TakeAll(*careless) + careless->lost(), published);
  EXPECT_GT(careless->lost(), 0u);
}

// The last sample is there for who comes late, and is not overwritten before it was taken.
TEST_P(Reliable, LatchedSamplesAreKeptForWhoComesLate) {
  auto publisher = Make<test::StrictPublisher>(a(), kPatient);
  EXPECT_EQ(PublishSome(*publisher, 10), 10u);
  ASSERT_EQ(PublishNumber(*publisher, 42), 11u);
  EXPECT_EQ(publisher->TryLoan().why(), NoLoan::kNone);
  auto first = Make<test::StrictSubscriber>(b());
  ASSERT_EQ(TakeNumber(*first), 42u);
  ASSERT_EQ(PublishNumber(*publisher, 43), 12u);
  EXPECT_EQ(publisher->TryLoan().why(), NoLoan::kFull);
  ASSERT_EQ(TakeNumber(*first), 43u);
}

// ---- Stalls ----

TEST_P(Reliable, WhoStallsIsDroppedToldAndComesBack) {
  Refusals at_publisher;
  Refusals at_subscriber;
  auto publisher =
      Make<test::SurePublisher>(a(), PublisherOptions{.on_refused = at_publisher.callback(),
                                                      .stall_limit = absl::Milliseconds(10)});
  auto subscriber =
      Make<test::SureSubscriber>(b(), SubscriberOptions{.on_refused = at_subscriber.callback()});
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  EXPECT_EQ(PublishSome(*publisher), 4u);
  auto held = subscriber->Take();  // What is held stays as it is.
  EXPECT_EQ(PublishSome(*publisher), 1u);
  EXPECT_EQ(PublishNumber(*publisher, 1), 6u);  // Waits, and goes on.
  EXPECT_EQ(publisher->dropped(), 1u);
  EXPECT_EQ(PublishSome(*publisher, 100), 100u);
  EXPECT_EQ(held->number(), 0u);

  ASSERT_TRUE(Await([&] { return at_subscriber.lines.size() == 1; }));
  ASSERT_TRUE(Await([&] { return at_publisher.lines.size() == 1; }));
  EXPECT_EQ(subscriber->dropped(), 1u);
  for (const auto* lines : {&at_subscriber.lines, &at_publisher.lines}) {
    const std::string line = lines->all().front();
    for (const char* part : {"test/sure DEADLINE_EXCEEDED", "node 'a'", "10ms", "stall_limit"}) {
      EXPECT_THAT(line, HasSubstr(part));
    }
    EXPECT_THAT(line, HasSubstr(GetParam() ? "node 'b'" : "within"));
  }
  EXPECT_EQ(publisher->subscriber_count(), 1);

  // Back by taking; from then on nothing is lost. All that was lost is counted.
  held = {};
  uint64_t taken = 1;
  while (subscriber->Take()) ++taken;
  EXPECT_LE(PublishSome(*publisher), 2u * 4) << "it is waited for again";
  taken += TakeAll(*subscriber);
  EXPECT_EQ(taken + subscriber->lost(), publisher->published());
  const uint64_t lost = subscriber->lost();
  for (int i = 0; i < 100; ++i) {
    PublishSome(*publisher);
    TakeAll(*subscriber);
  }
  EXPECT_EQ(subscriber->lost(), lost);
  EXPECT_EQ(subscriber->dropped(), 1u);
}

TEST_P(Reliable, TryLoanNoticesWhoStalls) {
  auto publisher =
      Make<test::SurePublisher>(a(), PublisherOptions{.stall_limit = absl::Milliseconds(5)});
  auto subscriber = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  EXPECT_EQ(PublishSome(*publisher), 4u);
  EXPECT_TRUE(Await([&] { return PublishSome(*publisher, 1) == 1; }));
  EXPECT_EQ(publisher->dropped(), 1u);
  EXPECT_TRUE(Await([&] { return subscriber->dropped() == 1; }));
}

// One that stalls costs the others nothing.
TEST_P(Reliable, TheOthersLoseNothingWhenOneStalls) {
  auto publisher =
      Make<test::SurePublisher>(a(), PublisherOptions{.stall_limit = absl::Milliseconds(50)});
  auto stalled = Make<test::SureSubscriber>(b());
  auto other = Make<test::SureSubscriber>(b());
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  for (uint64_t n = 1; n <= 100; ++n) {
    ASSERT_EQ(PublishNumber(*publisher, n), n);
    ASSERT_EQ(TakeNumber(*other), n);
  }
  EXPECT_EQ(other->lost(), 0u);
  EXPECT_EQ(other->dropped(), 0u);
  EXPECT_EQ(publisher->dropped(), 1u);
}

// ---- Processes ----

// Takes all there is, and sees that it follows on what came before.
struct Follower {
  bool TakeAll(test::LedgerSubscriber& subscriber) {
    while (auto sample = subscriber.Take()) {
      if (next != 0 && sample->number() != next) return false;
      next = sample->number() + 1;
      ++taken;
    }
    return subscriber.lost() == 0;
  }
  uint64_t next = 0;
  uint64_t taken = 0;
};

// A subscriber's process: tells 't' after each 1'000 samples, 'd' when it has the last one, and 'x'
// if anything is missing.
int Follow(Child::Line& line, uint32_t domain, uint64_t last, uint32_t seed, uint64_t first) {
  auto node = Node::Create({.name = "follower", .domain = domain});
  if (!node.ok()) return 1;
  auto subscriber = test::LedgerSubscriber::Create(*node);
  if (!subscriber.ok()) return 2;
  std::mt19937 random(seed);
  Follower follower{.next = first};
  uint64_t told = 0;  // Of the samples taken.
  while (follower.next <= last) {
    if (!subscriber->Wait(kLong) || !follower.TakeAll(*subscriber)) {
      line.Tell('x');
      return 3;
    }
    if (first == 0 && follower.taken - told > 1'000) {
      told = follower.taken;
      line.Tell('t');
    }
    if (random() % 8 == 0) Idle(random, 3 * seed);
  }
  line.Tell('d');
  line.Hear();
  return 0;
}

// Publishes to `followers` subscribers once they are there.
int Lead(Child::Line& line, uint32_t domain, uint64_t last, int followers) {
  auto node = Node::Create({.name = "leader", .domain = domain});
  if (!node.ok()) return 1;
  auto publisher = test::LedgerPublisher::Create(*node, kPatient);
  if (!publisher.ok()) return 2;
  if (!Await([&] { return publisher->subscriber_count() == followers; })) return 3;
  for (uint64_t n = 1; n <= last; ++n) {
    auto loan = publisher->Loan(kLong);
    if (PublishLoan(*publisher, std::move(loan), n) != n) return 4;
  }
  if (publisher->dropped() != 0) return 5;
  line.Tell('d');
  line.Hear();
  return 0;
}

// One publisher and four subscribers of different speed, of which one is killed and comes again and
// again: none of the others misses a sample, and the publisher waits for none that is dead.
TEST(ReliableProcesses, KillingOneCostsTheOthersNothing) {
  const uint32_t domain = NextDomain();
  const uint64_t last = SamplesBetweenProcesses();
  Child leader([&](auto& line) { return Lead(line, domain, last, 4); });
  std::vector<std::unique_ptr<Child>> followers;
  for (uint32_t i = 0; i < 3; ++i) {
    followers.push_back(std::make_unique<Child>(
        [&](auto& line) { return Follow(line, domain, last, i, /*first=*/1); }));
  }
  int kills = 0;
  char word = 't';
  while (word == 't') {
    Child victim([&](auto& line) { return Follow(line, domain, last, 4, /*first=*/0); });
    word = victim.Hear();
    if (word == 't') {
      victim.Kill(SIGKILL);
      ++kills;
    }
  }
  EXPECT_EQ(word, 'd');
  EXPECT_EQ(leader.Hear(), 'd');
  for (auto& follower : followers) {
    EXPECT_EQ(follower->Hear(), 'd');
    follower->Tell('.');
    EXPECT_TRUE(ExitedWith(follower->Join(), 0));
  }
  leader.Tell('.');
  EXPECT_TRUE(ExitedWith(leader.Join(), 0));
  EXPECT_GT(kills, 0);
}

// A subscriber's process that takes when told to, and says what it took or lost.
int TakeWhenTold(Child::Line& line, uint32_t domain) {
  auto node = Node::Create({.name = "child", .domain = domain});
  if (!node.ok()) return 1;
  auto subscriber = test::SureSubscriber::Create(*node);
  if (!subscriber.ok() || !subscriber->WaitForPublisher(kLong)) return 2;
  line.Tell('m');
  while (line.Hear() == 't') {
    TakeAll(*subscriber);
    line.Tell(subscriber->lost() > 0 ? 'l' : 't');
  }
  return Await([&] { return subscriber->dropped() > 0; }) ? 0 : 3;
}

TEST(ReliableProcesses, WhoIsKilledReleasesThePublisher) {
  const uint32_t domain = NextDomain();
  Child child([&](auto& line) { return TakeWhenTold(line, domain); });
  TestNode node("parent", domain);
  auto publisher = Make<test::SurePublisher>(*node, kPatient);
  ASSERT_EQ(child.Hear(), 'm');
  EXPECT_EQ(PublishSome(*publisher), 4u);
  std::thread killer([&] { child.Kill(SIGKILL); });
  EXPECT_EQ(publisher->Loan(kLong).why(), NoLoan::kNoSubscribers);
  killer.join();
  EXPECT_EQ(publisher->dropped(), 0u);
}

TEST(ReliableProcesses, WhoIsStoppedIsDroppedAndComesBack) {
  const uint32_t domain = NextDomain();
  Child child([&](auto& line) { return TakeWhenTold(line, domain); });
  TestNode node("parent", domain);
  auto publisher =
      Make<test::SurePublisher>(*node, PublisherOptions{.stall_limit = absl::Milliseconds(20)});
  ASSERT_EQ(child.Hear(), 'm');
  EXPECT_EQ(PublishSome(*publisher, 3), 3u);
  child.Tell('t');
  EXPECT_EQ(child.Hear(), 't');
  child.Signal(SIGSTOP);
  for (int i = 0; i < 20; ++i) ASSERT_NE(PublishNumber(*publisher, 1), 0u);
  EXPECT_EQ(publisher->dropped(), 1u);
  child.Signal(SIGCONT);
  child.Tell('t');
  EXPECT_EQ(child.Hear(), 'l');
  EXPECT_LE(PublishSome(*publisher), 2u * 4) << "it is waited for again";
  child.Tell('q');
  EXPECT_TRUE(ExitedWith(child.Join(), 0)) << "it was not told";
}

// A publisher's process that publishes until it has to wait, and says what it dropped meanwhile.
int WaitForRoom(Child::Line& line, uint32_t domain) {
  auto node = Node::Create({.name = "child", .domain = domain});
  if (!node.ok()) return 1;
  auto publisher =
      test::SurePublisher::Create(*node, PublisherOptions{.stall_limit = absl::Seconds(2)});
  if (!publisher.ok() || !publisher->WaitForSubscriber(kLong)) return 2;
  PublishSome(*publisher);
  line.Tell('f');
  const bool published = PublishNumber(*publisher, 5) != 0;
  line.Tell(publisher->dropped() > 0 ? 'd' : 'w');
  return published ? 0 : 3;
}

// As when a container is paused, or ^Z stops a pipeline: the subscriber could not take, and the
// publisher did not see that it does not.
TEST(ReliableProcesses, WhoWasFrozenTogetherWithThePublisherIsNotDropped) {
  const uint32_t domain = NextDomain();
  Child child([&](auto& line) { return WaitForRoom(line, domain); });
  TestNode node("parent", domain);
  auto subscriber = Make<test::SureSubscriber>(*node);
  ASSERT_EQ(child.Hear(), 'f');
  child.Signal(SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  absl::SleepFor(absl::Milliseconds(2'100));  // This process does nothing, as if it were stopped.
  child.Signal(SIGCONT);
  absl::SleepFor(absl::Milliseconds(50));  // The publisher may well come first.
  EXPECT_GT(TakeAll(*subscriber), 0u);
  EXPECT_EQ(child.Hear(), 'w');
  EXPECT_TRUE(ExitedWith(child.Join(), 0));
  EXPECT_EQ(subscriber->lost(), 0u);
}

TEST(StallLimit, CannotBeNegative) {
  auto node = Node::Create({.domain = NextDomain()});
  ASSERT_TRUE(node.ok());
  const absl::Status status =
      test::SurePublisher::Create(*node, {.stall_limit = -absl::Milliseconds(1)}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  for (const char* part : {"test/sure", "stall_limit is -1ms", "InfiniteDuration"}) {
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(part));
  }
  EXPECT_TRUE(test::SurePublisher::Create(*node, {.stall_limit = absl::ZeroDuration()}).ok());
}

}  // namespace
}  // namespace holler
