#include "holler/subscriber.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "node_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

class SubscriberTest : public testing::Test {
 protected:
  TestNode node_{"node", NextDomain()};
};

template <typename Subscriber>
bool Readable(Subscriber& subscriber) {
  pollfd poll{subscriber.fd(), POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}
template <typename Subscriber>
bool BecomesReadable(Subscriber& subscriber) {
  pollfd poll{subscriber.fd(), POLLIN, 0};
  return ::poll(&poll, 1, 60'000) == 1;
}

TEST_F(SubscriberTest, TakesWhatIsPublished) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  EXPECT_FALSE(subscriber->Take());
  const int64_t before = MonotonicNow();
  EXPECT_EQ(PublishNumber(*publisher, 42), 1u);
  auto sample = subscriber->Take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number(), 42u);
  EXPECT_EQ((*sample).number(), 42u);
  EXPECT_EQ(sample.sequence(), 1u);
  EXPECT_GE(sample.publish_time(), before);
  EXPECT_LE(sample.publish_time(), MonotonicNow());
  EXPECT_GE(sample.age(), absl::ZeroDuration());
  EXPECT_EQ(sample.publisher().node_name, "node");
  EXPECT_EQ(sample.publisher().pid, ::getpid());
  EXPECT_EQ(sample.publisher().uid, ::geteuid());
  EXPECT_FALSE(subscriber->Take());
}

TEST_F(SubscriberTest, CountsExactlyWhatItLost) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  for (uint64_t n = 1; n <= 100; ++n) PublishNumber(*publisher, n);
  for (uint64_t n = 93; n <= 100; ++n) EXPECT_EQ(subscriber->Take()->number(), n);
  EXPECT_FALSE(subscriber->Take());
  EXPECT_EQ(subscriber->lost(), 92u);
  EXPECT_EQ(subscriber->skipped(), 0u);
  EXPECT_EQ(subscriber->malformed(), 0u);
}

TEST_F(SubscriberTest, TakesTheLatest) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  EXPECT_FALSE(subscriber->TakeLatest());
  for (uint64_t n = 1; n <= 5; ++n) PublishNumber(*publisher, n);
  EXPECT_EQ(subscriber->TakeLatest()->number(), 5u);
  EXPECT_FALSE(subscriber->TakeLatest());
  EXPECT_EQ(subscriber->skipped(), 4u);
  EXPECT_EQ(subscriber->lost(), 0u);
}

TEST_F(SubscriberTest, TheLatestOfSeveralPublishers) {
  auto a = Make<test::SmallPublisher>(*node_);
  auto b = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  PublishNumber(*a, 1);
  PublishNumber(*b, 2);
  PublishNumber(*a, 3);
  PublishNumber(*b, 4);
  PublishNumber(*a, 5);
  EXPECT_EQ(subscriber->TakeLatest()->number(), 5u);
  EXPECT_FALSE(subscriber->TakeLatest());
  EXPECT_FALSE(subscriber->Take());
  EXPECT_EQ(subscriber->skipped(), 4u);
}

TEST_F(SubscriberTest, HoldsAtMostMaxSamples) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  for (uint64_t n = 1; n <= 4; ++n) PublishNumber(*publisher, n);
  auto a = subscriber->Take();
  auto b = subscriber->Take();
  EXPECT_FALSE(subscriber->Take());
  a.Release();
  EXPECT_FALSE(a);
  a.Release();
  EXPECT_EQ(subscriber->Take()->number(), 3u);
  EXPECT_EQ(subscriber->Take()->number(), 4u);
  EXPECT_EQ(b->number(), 2u);
  EXPECT_EQ(subscriber->lost(), 0u);
}

TEST_F(SubscriberTest, TakesABatch) {
  auto a = Make<test::ManyPublisher>(*node_);
  auto subscriber = Make<test::ManySubscriber>(*node_);
  std::vector<uint64_t> numbers;
  const auto note = [&](auto& sample) { numbers.push_back(sample->number()); };
  EXPECT_EQ(subscriber->TakeBatch(10, note), 0u);
  for (uint64_t n = 1; n <= 25; ++n) PublishNumber(*a, n);
  EXPECT_EQ(subscriber->TakeBatch(10, note), 10u);
  EXPECT_EQ(subscriber->Take()->number(), 11u);
  auto b = Make<test::ManyPublisher>(*node_);
  PublishNumber(*b, 26);
  PublishNumber(*a, 27);
  EXPECT_EQ(subscriber->TakeBatch(100, note), 16u);
  ASSERT_EQ(numbers.size(), 26u);
  EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end()));
  EXPECT_EQ(numbers.back(), 27u);
}

TEST_F(SubscriberTest, SamplesOfABatchMayBeKept) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  for (uint64_t n = 1; n <= 8; ++n) PublishNumber(*publisher, n);
  std::vector<Sample<test::Small>> kept;
  EXPECT_EQ(subscriber->TakeBatch(8, [&](auto& sample) { kept.push_back(std::move(sample)); }), 2u)
      << "max_samples";
  EXPECT_EQ(kept[0]->number(), 1u);
  EXPECT_EQ(kept[1]->number(), 2u);
  kept.clear();
  EXPECT_EQ(subscriber->TakeBatch(8, [](auto&) {}), 6u);
}

// What comes while a batch is taken rings no more, so it is taken as well.
TEST_F(SubscriberTest, ABatchLeavesNothingThatRangBefore) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  subscriber->fd();
  EXPECT_FALSE(subscriber->Take());
  uint64_t number = 0;
  for (int round = 0; round < 100; ++round) {
    PublishNumber(*publisher, ++number);
    ASSERT_TRUE(BecomesReadable(*subscriber));
    const size_t taken = subscriber->TakeBatch(100, [&](auto& sample) {
      if (sample->number() % 7 != 0) PublishNumber(*publisher, ++number);
    });
    ASSERT_EQ(subscriber->skipped() + subscriber->lost(), 0u);
    ASSERT_GE(taken, 1u);
    ASSERT_FALSE(Readable(*subscriber));
    ASSERT_FALSE(subscriber->Take()) << "it would have waited for the next ring";
  }
}

TEST_F(SubscriberTest, AnExceptionEndsABatch) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  for (uint64_t n = 1; n <= 3; ++n) PublishNumber(*publisher, n);
  EXPECT_THROW(subscriber->TakeBatch(8, [](auto&) { throw 1; }), int);
  PublishNumber(*publisher, 4);
  for (uint64_t n = 2; n <= 4; ++n) EXPECT_EQ(subscriber->Take()->number(), n);
}

TEST_F(SubscriberTest, SamplesMove) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  PublishNumber(*publisher, 1);
  PublishNumber(*publisher, 2);
  auto a = subscriber->Take();
  auto b = subscriber->Take();
  a = std::move(b);
  EXPECT_EQ(a->number(), 2u);
  Sample<test::Small> none;
  EXPECT_FALSE(none);
  none = std::move(a);
  EXPECT_EQ(none->number(), 2u);
}

TEST_F(SubscriberTest, ASampleIsReleasedWhenAnotherIsMovedThere) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  for (uint64_t n = 1; n <= 3; ++n) PublishNumber(*publisher, n);
  auto last = subscriber->Take();
  auto current = subscriber->Take();
  ASSERT_FALSE(subscriber->Take()) << "two may be held";
  last = std::move(current);
  EXPECT_FALSE(current);
  EXPECT_EQ(last->number(), 2u);
  current = subscriber->Take();
  ASSERT_TRUE(current);
  EXPECT_EQ(current->number(), 3u);
  auto& itself = current;
  current = std::move(itself);
  EXPECT_EQ(current->number(), 3u);
  EXPECT_FALSE(subscriber->Take());
}

TEST_F(SubscriberTest, ASubscriberLeavesWhenAnotherIsMovedThere) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto a = Make<test::SmallSubscriber>(*node_);
  auto b = Make<test::SmallSubscriber>(*node_);
  ASSERT_TRUE(Await([&] { return publisher->subscriber_count() == 2; }));
  *a = std::move(*b);
  EXPECT_TRUE(Await([&] { return publisher->subscriber_count() == 1; }));
  auto& itself = *a;
  *a = std::move(itself);
  EXPECT_EQ(PublishNumber(*publisher, 5), 1u);
  EXPECT_EQ(TakeNumber(*a), 5u);
}

TEST_F(SubscriberTest, SubscribersMove) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto a = test::SmallSubscriber::Create(*node_);
  auto b = test::SmallSubscriber::Create(*node_);
  PublishNumber(*publisher, 1);
  test::SmallSubscriber moved = std::move(*a);
  EXPECT_EQ(moved.Take()->number(), 1u);
  moved = std::move(*b);
  EXPECT_EQ(moved.Take()->number(), 1u);
}

// Every sample is held until the next is there, by hand-over to another thread.
TEST_F(SubscriberTest, SamplesMayBeReleasedByOtherThreads) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  for (uint64_t n = 1; n <= 200; ++n) {
    PublishNumber(*publisher, n);
    auto sample = subscriber->Take();
    ASSERT_TRUE(sample);
    std::thread([&n, taken = std::move(sample)]() mutable {
      EXPECT_EQ(taken->number(), n);
      taken.Release();
    }).join();
  }
}

TEST_F(SubscriberTest, ManyThreadsReleaseAtOnce) {
  auto publisher = Make<test::LargePublisher>(*node_);
  auto subscriber = Make<test::LargeSubscriber>(*node_);
  std::vector<std::thread> threads;
  for (uint64_t n = 1; n <= 300; ++n) {
    auto loan = publisher->Loan();
    loan->set_number(n);
    loan->mutable_words().Mutate(1'022, n);
    publisher->Publish(std::move(loan));
    Sample<test::Large> sample;
    ASSERT_TRUE(Await([&] {  // Until a thread has released an earlier one.
      sample = subscriber->Take();
      return static_cast<bool>(sample);
    }));
    threads.emplace_back([n, taken = std::move(sample)] {
      EXPECT_EQ(taken->number(), n);
      EXPECT_EQ((*taken->words())[1'022], n);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST_F(SubscriberTest, MergesPublishersByPublishTime) {
  std::vector<std::unique_ptr<test::ManyPublisher>> publishers;
  for (int i = 0; i < 5; ++i) publishers.push_back(Make<test::ManyPublisher>(*node_));
  auto subscriber = Make<test::ManySubscriber>(*node_);
  EXPECT_EQ(subscriber->publisher_count(), 5);
  for (uint64_t n = 1; n <= 1'000; ++n) PublishNumber(*publishers[n * n % 5], n);
  int64_t last = 0;
  for (uint64_t n = 1; n <= 1'000; ++n) {
    auto sample = subscriber->Take();
    ASSERT_TRUE(sample);
    ASSERT_EQ(sample->number(), n);
    ASSERT_GE(sample.publish_time(), last);
    last = sample.publish_time();
  }
  EXPECT_FALSE(subscriber->Take());
}

TEST_F(SubscriberTest, EverySubscriberGetsEverySample) {
  auto publisher = Make<test::ManyPublisher>(*node_);
  std::vector<std::unique_ptr<test::ManySubscriber>> subscribers;
  for (int i = 0; i < 5; ++i) subscribers.push_back(Make<test::ManySubscriber>(*node_));
  EXPECT_EQ(publisher->subscriber_count(), 5u);
  for (uint64_t n = 1; n <= 100; ++n) PublishNumber(*publisher, n);
  for (auto& subscriber : subscribers) {
    for (uint64_t n = 1; n <= 100; ++n) EXPECT_EQ(subscriber->Take()->number(), n);
  }
}

// ---- Waiting ----

TEST_F(SubscriberTest, WaitTimesOut) {
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  EXPECT_FALSE(subscriber->Wait(absl::ZeroDuration()));
  EXPECT_FALSE(subscriber->Wait(absl::Milliseconds(2)));
  EXPECT_FALSE(subscriber->Wait(-absl::Seconds(1)));
  EXPECT_FALSE(subscriber->Wait(-absl::InfiniteDuration()));
  auto publisher = Make<test::SmallPublisher>(*node_);
  EXPECT_FALSE(subscriber->Wait(absl::Milliseconds(2))) << "a publisher is no sample";
}

TEST_F(SubscriberTest, WaitReturnsAtOnceIfThereIsASample) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  PublishNumber(*publisher, 1);
  EXPECT_TRUE(subscriber->Wait(absl::ZeroDuration()));
  EXPECT_TRUE(subscriber->Wait(absl::InfiniteDuration()));
  subscriber->Take();
  EXPECT_FALSE(subscriber->Wait(absl::ZeroDuration()));
}

TEST_F(SubscriberTest, WaitIsWokenByEachSample) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  std::atomic<uint64_t> taken{0};
  std::thread taker([&] {
    for (uint64_t n = 1; n <= 2'000; ++n) {
      if (!subscriber->Wait(n % 2 == 0 ? kLong : absl::InfiniteDuration())) break;
      EXPECT_EQ(subscriber->Take()->number(), n);
      taken.store(n);
    }
  });
  for (uint64_t n = 1; n <= 2'000; ++n) {
    ASSERT_EQ(PublishNumber(*publisher, n), n);
    ASSERT_TRUE(Await([&] { return taken.load() == n; }));
  }
  taker.join();
}

TEST_F(SubscriberTest, ASleeperHearsALatePublisher) {
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  std::optional<uint64_t> number;
  std::thread sleeper([&] { number = TakeNumber(*subscriber); });
  auto publisher = Make<test::SmallPublisher>(*node_);
  PublishNumber(*publisher, 9);
  sleeper.join();
  EXPECT_EQ(number, 9u);
}

// ---- fd() ----

TEST_F(SubscriberTest, FdIsReadableWhileThereAreSamples) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  subscriber->fd();
  while (subscriber->Take()) {
  }
  EXPECT_FALSE(Readable(*subscriber));
  for (int round = 0; round < 10; ++round) {
    PublishNumber(*publisher, 1);
    PublishNumber(*publisher, 2);
    EXPECT_TRUE(BecomesReadable(*subscriber));
    EXPECT_EQ(subscriber->Take()->number(), 1u);
    EXPECT_TRUE(Readable(*subscriber)) << "one more is there";
    EXPECT_EQ(subscriber->Take()->number(), 2u);
    EXPECT_FALSE(subscriber->Take());
    EXPECT_FALSE(Readable(*subscriber));
  }
}

TEST_F(SubscriberTest, FdTellsOfSamplesFromBefore) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  PublishNumber(*publisher, 1);
  EXPECT_TRUE(BecomesReadable(*subscriber));
}

TEST_F(SubscriberTest, FdTellsOfALatePublisher) {
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  subscriber->fd();
  EXPECT_FALSE(subscriber->Take());
  auto publisher = Make<test::SmallPublisher>(*node_);
  EXPECT_TRUE(BecomesReadable(*subscriber));
  EXPECT_FALSE(subscriber->Take());
  EXPECT_FALSE(Readable(*subscriber));
  PublishNumber(*publisher, 1);
  EXPECT_TRUE(BecomesReadable(*subscriber));
  EXPECT_EQ(subscriber->Take()->number(), 1u);
}

TEST_F(SubscriberTest, FdAndWaitMayBeMixed) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  subscriber->fd();
  for (uint64_t n = 1; n <= 50; ++n) {
    EXPECT_FALSE(subscriber->Take());
    EXPECT_FALSE(subscriber->Wait(absl::ZeroDuration()));
    PublishNumber(*publisher, n);
    if (n % 2 == 0) {
      EXPECT_TRUE(subscriber->Wait(kLong));
    } else {
      EXPECT_TRUE(BecomesReadable(*subscriber));
    }
    EXPECT_EQ(subscriber->Take()->number(), n);
  }
}

// A sample that could not be taken because too many are held is not forgotten.
TEST_F(SubscriberTest, WhatTheLimitKeptBackIsTakenLater) {
  auto publisher = Make<test::TightPublisher>(*node_);
  auto subscriber = Make<test::TightSubscriber>(*node_);
  subscriber->fd();
  PublishNumber(*publisher, 1);
  PublishNumber(*publisher, 2);
  auto held = subscriber->Take();
  EXPECT_FALSE(subscriber->Take()) << "one is held, and no more may be";
  EXPECT_FALSE(subscriber->TakeLatest());
  EXPECT_FALSE(subscriber->Wait(absl::Milliseconds(1))) << "there is nothing that may be taken";
  held.Release();
  EXPECT_TRUE(subscriber->Wait(absl::ZeroDuration()));
  EXPECT_EQ(subscriber->Take()->number(), 2u);
}

enum class Pattern { kTakeAll, kTakeOne, kTakeLatest };

class FdPatterns : public testing::TestWithParam<Pattern> {};
INSTANTIATE_TEST_SUITE_P(, FdPatterns,
                         testing::Values(Pattern::kTakeAll, Pattern::kTakeOne,
                                         Pattern::kTakeLatest));

// An event loop over several subscribers, in one level-triggered epoll, while publishers come.
TEST_P(FdPatterns, MissNothingInEpoll) {
  const uint32_t domain = NextDomain();
  TestNode mine("mine", domain);
  TestNode theirs("theirs", domain);
  constexpr uint64_t kCount = 2'000;
  auto a = Make<test::ManySubscriber>(*mine);
  auto b = Make<test::ManySubscriber>(*mine);
  test::ManySubscriber* const subscribers[] = {a.get(), b.get()};
  const UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  for (uint32_t i = 0; i < 2; ++i) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    ASSERT_EQ(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, subscribers[i]->fd(), &event), 0);
  }
  uint64_t seen[2] = {0, 0};
  std::thread publishing([&] {
    auto publisher = Make<test::ManyPublisher>(*theirs);
    if (!Await([&] { return publisher->subscriber_count() == 2; })) return;
    for (uint64_t n = 1; n <= kCount; ++n) {
      PublishNumber(*publisher, n);
      if (n % 7 == 0) std::this_thread::yield();
    }
    Await([&] { return publisher->subscriber_count() == 0; });
  });
  while (seen[0] < kCount || seen[1] < kCount) {
    epoll_event events[2];
    const int count = ::epoll_wait(epoll.get(), events, 2, 60'000);
    if (count <= 0) break;
    for (int i = 0; i < count; ++i) {
      const uint32_t which = events[i].data.u32;
      while (true) {
        auto sample = GetParam() == Pattern::kTakeLatest ? subscribers[which]->TakeLatest()
                                                         : subscribers[which]->Take();
        if (!sample) break;
        seen[which] = sample->number();
        if (GetParam() == Pattern::kTakeOne) break;
      }
    }
  }
  for (uint32_t i = 0; i < 2; ++i) {
    EXPECT_EQ(seen[i], kCount);
    EXPECT_EQ(subscribers[i]->lost(), 0u);
  }
  a.reset();
  b.reset();
  publishing.join();
}

// A publisher may be matched at any moment of a Take that finds nothing; its first sample must wake
// whoever polls after it.
TEST_F(SubscriberTest, FdMissesNoPublisherThatComesDuringTake) {
  for (int round = 0; round < 300; ++round) {
    auto subscriber = Make<test::LastSubscriber>(*node_);
    subscriber->fd();
    std::atomic<bool> go{false};
    std::unique_ptr<test::LastPublisher> publisher;
    std::thread other([&] {
      while (!go.load()) std::this_thread::yield();
      publisher = Make<test::LastPublisher>(*node_);
    });
    go.store(true);
    while (!subscriber->has_publishers()) EXPECT_FALSE(subscriber->Take());
    other.join();
    // What an event loop does: poll, take, poll. Only quiet now, until the sample.
    while (Readable(*subscriber)) EXPECT_FALSE(subscriber->Take());
    PublishNumber(*publisher, 1);
    ASSERT_TRUE(BecomesReadable(*subscriber)) << "in round " << round;
    ASSERT_EQ(subscriber->Take()->number(), 1u);
  }
}

#ifndef NDEBUG
TEST_F(SubscriberTest, NoSampleIsNotRead) {
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  const auto sample = subscriber->Take();
  EXPECT_DEATH((void)sample->number(), "no sample");
}
#endif

TEST_F(SubscriberTest, StaticProperties) {
  static_assert(!std::is_copy_constructible_v<test::SmallSubscriber>);
  static_assert(!std::is_copy_constructible_v<Sample<test::Small>>);
  static_assert(std::is_nothrow_move_constructible_v<Sample<test::Small>>);
  static_assert(std::is_nothrow_move_assignable_v<Sample<test::Small>>);
  static_assert(noexcept(std::declval<test::SmallSubscriber&>().Take()));
}

}  // namespace
}  // namespace holler
