// Subscribers and publishers in an event loop: samples and matches. Deadlines:
// event_loop_deadlines_test.cc.
#include <poll.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holler/event_loop.h"
#include "loop_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

class EventLoopSamplesTest : public testing::Test {
 protected:
  FakeClock clock_;
  TestLoop loop_{clock_.function()};
  TestNode node_{"node", NextDomain()};
};

// ---- Samples ----

TEST_F(EventLoopSamplesTest, HandlersGetSamples) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  Numbers numbers;
  PublishNumber(*publisher, 1);  // Before it is in the loop.
  auto on_sample = loop_->OnSample(*subscriber, NoteNumbers(numbers));
  ASSERT_TRUE(on_sample.ok()) << on_sample.status();
  loop_.RunAll();
  for (uint64_t n = 2; n <= 8; ++n) PublishNumber(*publisher, n);
  loop_.RunAll();
  PublishNumber(*publisher, 9);
  loop_.RunAll();
  EXPECT_EQ(numbers, (Numbers{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(subscriber->lost(), 0u);
  on_sample->Remove();
  PublishNumber(*publisher, 10);
  loop_.RunAll();
  EXPECT_EQ(numbers.size(), 9u);
  EXPECT_EQ(subscriber->Take()->number(), 10u);
}

TEST_F(EventLoopSamplesTest, TheNewestOnly) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  Numbers numbers;
  auto on_sample = loop_->OnSample(*subscriber, NoteNumbers(numbers), {.latest = true});
  for (uint64_t n = 1; n <= 5; ++n) PublishNumber(*publisher, n);
  loop_.RunAll();
  EXPECT_EQ(numbers, Numbers{5});
  EXPECT_EQ(subscriber->skipped(), 4u);
}

// A turn that ends in the middle of what there is must not wait for the next ring.
TEST_F(EventLoopSamplesTest, NothingIsLeftLyingWhateverTheShare) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  Numbers numbers;
  auto on_sample = loop_->OnSample(*subscriber, NoteNumbers(numbers), {.samples_per_turn = 1});
  uint64_t published = 0;
  for (int burst = 1; burst <= 8; ++burst) {
    for (int i = 0; i < burst; ++i) PublishNumber(*publisher, ++published);
    loop_.RunAll();
    ASSERT_EQ(numbers.size(), published);
  }
}

// Bursts that come while the loop is about to sleep: it may find the first sample of one after its
// fd has been made quiet, and the others ring for nobody.
TEST_F(EventLoopSamplesTest, BurstsThatMeetItGoingToSleep) {
  constexpr uint64_t kBursts = 10'000;
  constexpr uint64_t kLength = 4;
  TestLoop loop;
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  std::atomic<uint64_t> received{0};
  auto on_sample =
      loop->OnSample(*subscriber, [&](const auto&) { ++received; }, {.samples_per_turn = 1});
  std::thread thread([&] {
    bool good = true;
    for (uint64_t burst = 0; burst < kBursts && good; ++burst) {
      for (uint64_t i = 0; i < kLength; ++i) PublishNumber(*publisher, burst);
      // Spins, to be there at the right moment; looks at the time only now and then.
      for (int i = 0; i < 10'000 && received != (burst + 1) * kLength; ++i) {
      }
      good = Await([&] { return received == (burst + 1) * kLength; });
    }
    loop->Stop();
  });
  loop->Run();
  thread.join();
  EXPECT_EQ(received, kBursts * kLength);
}

// The flood never ends: its handler publishes another sample for each it gets.
TEST_F(EventLoopSamplesTest, AFloodStarvesNobody) {
  auto flood_out = Make<test::ManyPublisher>(*node_);
  auto flood_in = Make<test::ManySubscriber>(*node_);
  auto calm_out = Make<test::SmallPublisher>(*node_);
  auto calm_in = Make<test::SmallSubscriber>(*node_);
  int floods = 0;
  auto on_flood = loop_->OnSample(*flood_in, [&](const auto&) {
    ++floods;
    PublishNumber(*flood_out, 1);
  });
  Numbers numbers;
  auto on_calm = loop_->OnSample(*calm_in, NoteNumbers(numbers));
  int ticks = 0;
  auto tick = loop_->Every(absl::Milliseconds(1), [&] { ++ticks; });
  for (int i = 0; i < 100; ++i) PublishNumber(*flood_out, 1);
  for (uint64_t turn = 1; turn <= 50; ++turn) {
    PublishNumber(*calm_out, turn);
    clock_.Advance(kMillisecond);
    loop_->RunOnce();
    EXPECT_EQ(ticks, static_cast<int>(turn));
    ASSERT_EQ(numbers.size(), turn);
  }
  EXPECT_EQ(floods, 50 * SampleOptions().samples_per_turn);
}

TEST_F(EventLoopSamplesTest, HandlersMayKeepSamples) {
  auto publisher = Make<test::SmallPublisher>(*node_);  // max_samples is 2.
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  std::vector<Sample<test::Small>> kept;
  auto on_sample = loop_->OnSample(
      *subscriber, [&](Sample<test::Small> sample) { kept.push_back(std::move(sample)); });
  for (uint64_t n = 1; n <= 5; ++n) PublishNumber(*publisher, n);
  loop_.RunAll();
  ASSERT_EQ(kept.size(), 2u);
  // Given back by another handler: then it goes on by itself.
  loop_->Post([&] { kept.clear(); });
  loop_.RunAll();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0]->number(), 3u);
  loop_->Post([&] { kept.clear(); });
  loop_.RunAll();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(subscriber->lost(), 0u);
  // Given back outside of the loop: Wake.
  PublishNumber(*publisher, 6);
  loop_.RunAll();
  PublishNumber(*publisher, 7);
  loop_.RunAll();
  ASSERT_EQ(kept.size(), 2u);
  kept.clear();
  loop_->Wake();
  loop_.RunAll();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0]->number(), 7u);
}

TEST_F(EventLoopSamplesTest, ManyPublishersFromOtherThreads) {
  constexpr int kPublishers = 3;
  constexpr uint64_t kSamples = 20'000;
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  TestLoop loop;
  uint64_t received = 0;
  auto on_sample = loop->OnSample(*subscriber, [&](const auto&) { ++received; });
  std::atomic<int> running{kPublishers};
  std::vector<std::thread> threads;
  for (int i = 0; i < kPublishers; ++i) {
    threads.emplace_back([&] {
      auto publisher = Make<test::SmallPublisher>(*node_);
      publisher->WaitForSubscriber(kLong);
      for (uint64_t n = 0; n < kSamples; ++n) PublishNumber(*publisher, n);
      if (--running == 0) loop->Wake();
    });
  }
  EXPECT_TRUE(loop.RunUntil(
      [&] { return running == 0 && received + subscriber->lost() == kPublishers * kSamples; }));
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(received, 0u);
}

TEST_F(EventLoopSamplesTest, SubscribersMayMoveAndGoFirst) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  Numbers numbers;
  auto on_sample = loop_->OnSample(*subscriber, NoteNumbers(numbers));
  PublishNumber(*publisher, 1);
  auto moved = std::make_unique<test::SmallSubscriber>(std::move(*subscriber));
  subscriber.reset();
  loop_.RunAll();
  EXPECT_EQ(numbers, Numbers{1});
  PublishNumber(*publisher, 2);
  moved.reset();  // With a sample not taken.
  loop_.RunAll();
  EXPECT_EQ(numbers, Numbers{1});
  EXPECT_FALSE(on_sample->active());
  EXPECT_TRUE(Await([&] { return !publisher->has_subscribers(); }));
}

TEST_F(EventLoopSamplesTest, ASubscriberThatGoesFirstWithSamplesStillHeld) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  std::vector<Sample<test::Small>> kept;
  auto on_sample = loop_->OnSample(*subscriber, [&](Sample<test::Small> sample) {
    kept.push_back(std::move(sample));
    subscriber.reset();  // In its own handler.
  });
  PublishNumber(*publisher, 1);
  PublishNumber(*publisher, 2);
  loop_.RunAll();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0]->number(), 1u);
  EXPECT_FALSE(on_sample->active());
  EXPECT_TRUE(publisher->has_subscribers());
  kept.clear();
  EXPECT_TRUE(Await([&] { return !publisher->has_subscribers(); }));
}

TEST_F(EventLoopSamplesTest, ErrorsSayWhatIsWrong) {
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  const auto handler = [](const auto&) {};
  const auto code = [&](SampleOptions options) {
    return loop_->OnSample(*subscriber, handler, std::move(options)).status().code();
  };
  EXPECT_EQ(code({.samples_per_turn = 0}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.deadline = absl::Seconds(1)}), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code({.on_deadline = [](const DeadlineEvent&) {}}), absl::StatusCode::kInvalidArgument);
  auto once = loop_->OnSample(*subscriber, handler);
  const absl::Status twice = loop_->OnSample(*subscriber, handler).status();
  EXPECT_EQ(twice.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(twice.message().find("test/small"), absl::string_view::npos) << twice;
}

TEST_F(EventLoopSamplesTest, ReportsNameTheTopic) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  auto on_sample = loop_->OnSample(*subscriber, [&](const auto& sample) {
    clock_.Advance(kSecond);
    if (sample->number() == 2) throw std::runtime_error("two");
  });
  PublishNumber(*publisher, 1);
  PublishNumber(*publisher, 2);
  loop_.RunAll();
  EXPECT_NE(loop_.log->Find("topic 'test/small': the handler ran for 1000 ms"), "");
  EXPECT_NE(loop_.log->Find("topic 'test/small': the handler threw, after 1s: two"), "");
}

// ---- Go / no-go ----

TEST_F(EventLoopSamplesTest, MatchesAreCountedOnTheLoopsThread) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  std::vector<int> counts;
  auto on_match = loop_->OnMatchCount(*publisher, [&](int count) { counts.push_back(count); });
  ASSERT_TRUE(on_match.ok()) << on_match.status();
  EXPECT_TRUE(loop_.RunUntil([&] { return counts == std::vector{0}; }));
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  EXPECT_TRUE(loop_.RunUntil([&] { return counts == std::vector{0, 1}; }));
  std::vector<int> other_counts;
  auto on_other = loop_->OnMatchCount(*subscriber, [&](int n) { other_counts.push_back(n); });
  subscriber.reset();
  EXPECT_TRUE(loop_.RunUntil([&] { return counts == (std::vector{0, 1, 0}); }));
  EXPECT_EQ(other_counts, std::vector<int>{});  // It went before its first call.
  EXPECT_FALSE(on_other->active());
  publisher.reset();
  loop_.RunAll();
  EXPECT_FALSE(on_match->active());
  EXPECT_EQ(counts.size(), 3u);
}

TEST_F(EventLoopSamplesTest, CallbacksOfTheOptionsRunOnTheLoopsThread) {
  const auto loop_thread = std::this_thread::get_id();
  std::vector<std::string> seen;
  const auto note = [&](const char* what) {
    return loop_->Defer([&, what](const PeerInfo& peer) {
      EXPECT_EQ(std::this_thread::get_id(), loop_thread);
      seen.push_back(std::string(what) + peer.node_name);
    });
  };
  TestNode far("far", node_->domain());
  auto subscriber = Make<test::SmallSubscriber>(
      *node_, SubscriberOptions{.on_matched = note("+"), .on_unmatched = note("-")});
  auto publisher = Make<test::SmallPublisher>(*far);
  EXPECT_TRUE(loop_.RunUntil([&] { return seen.size() == 1; }));
  publisher.reset();
  EXPECT_TRUE(loop_.RunUntil([&] { return seen.size() == 2; }));
  EXPECT_EQ(seen, (std::vector<std::string>{"+far", "-far"}));
}

TEST_F(EventLoopSamplesTest, MatchFdsFitForeignLoops) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  const absl::StatusOr<int> fd = publisher->match_fd();
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(*publisher->match_fd(), *fd);
  pollfd poll{*fd, POLLIN, 0};
  EXPECT_EQ(::poll(&poll, 1, 0), 1);
  EXPECT_EQ(publisher->HearMatches(), 0);
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  EXPECT_EQ(::poll(&poll, 1, 60'000), 1);
  EXPECT_EQ(publisher->HearMatches(), 1);
  subscriber.reset();
  EXPECT_EQ(::poll(&poll, 1, 60'000), 1);
  EXPECT_EQ(publisher->HearMatches(), 0);
  EXPECT_EQ(::poll(&poll, 1, 0), 0);
}

}  // namespace
}  // namespace holler
