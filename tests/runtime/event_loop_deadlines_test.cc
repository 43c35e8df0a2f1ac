// Deadlines of subscribers and publishers in an event loop, and why nothing comes.
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holler/event_loop.h"
#include "loop_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using States = std::vector<DeadlineState>;

DeadlineHandler NoteStates(States& states) {
  return [&states](const DeadlineEvent& event) { states.push_back(event.state); };
}

class EventLoopDeadlinesTest : public testing::Test {
 protected:
  void Advance(int64_t milliseconds) {
    clock_.Advance(milliseconds * kMillisecond);
    loop_.RunAll();
  }

  FakeClock clock_;
  TestLoop loop_{clock_.function()};
  TestNode node_{"node", NextDomain()};
};

TEST_F(EventLoopDeadlinesTest, ADeadlineIsMissedOnceAndMetOnce) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  States states;
  Numbers numbers;
  std::vector<absl::Duration> silences;
  auto on_sample = loop_->OnSample(
      *subscriber, NoteNumbers(numbers),
      {.deadline = absl::Milliseconds(50), .on_deadline = [&](const DeadlineEvent& event) {
         states.push_back(event.state);
         silences.push_back(event.silence);
         // Met again before the sample is handled.
         if (event.state == DeadlineState::kMet) {
           EXPECT_EQ(numbers.back(), 10u);
         }
       }});
  ASSERT_TRUE(on_sample.ok()) << on_sample.status();
  for (uint64_t n = 1; n <= 10; ++n) {
    Advance(40);
    PublishNumber(*publisher, n);
    loop_.RunAll();
  }
  EXPECT_EQ(states, States{});
  Advance(49);
  EXPECT_EQ(states, States{});
  Advance(1);
  EXPECT_EQ(states, (States{DeadlineState::kSilent}));
  Advance(1'000);
  PublishNumber(*publisher, 100);
  loop_.RunAll();
  Advance(49);
  EXPECT_EQ(states, (States{DeadlineState::kSilent, DeadlineState::kMet}));
  Advance(51);
  EXPECT_EQ(states.size(), 3u);
  EXPECT_EQ(silences, (std::vector{absl::Milliseconds(50), absl::Milliseconds(1'050),
                                   absl::Milliseconds(100)}));
  EXPECT_EQ(numbers.size(), 11u);
}

TEST_F(EventLoopDeadlinesTest, WithoutAPublisherADeadlineIsMissedToo) {
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  States states;
  Numbers numbers;
  auto on_sample =
      loop_->OnSample(*subscriber, NoteNumbers(numbers),
                      {.deadline = absl::Milliseconds(50), .on_deadline = NoteStates(states)});
  Advance(1'000);
  Advance(1'000);
  EXPECT_EQ(states, States{DeadlineState::kUnmatched});
  {
    auto publisher = Make<test::SmallPublisher>(*node_);
    PublishNumber(*publisher, 1);
    loop_.RunAll();
  }
  EXPECT_EQ(states, (States{DeadlineState::kUnmatched, DeadlineState::kMet}));
  Advance(1'000);
  EXPECT_EQ(states.back(), DeadlineState::kUnmatched);
  EXPECT_EQ(numbers, Numbers{1});
}

// It is the loop that is late, not the publisher.
TEST_F(EventLoopDeadlinesTest, ALateLoopMissesNoDeadline) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  States states;
  Numbers numbers;
  auto on_sample =
      loop_->OnSample(*subscriber, NoteNumbers(numbers),
                      {.deadline = absl::Milliseconds(50), .on_deadline = NoteStates(states)});
  for (uint64_t n = 1; n <= 6; ++n) PublishNumber(*publisher, n);
  Advance(1'000);
  EXPECT_EQ(states, States{});
  EXPECT_EQ(numbers, (Numbers{1, 2, 3, 4, 5, 6}));
  Advance(50);
  EXPECT_EQ(states, States{DeadlineState::kSilent});
}

TEST_F(EventLoopDeadlinesTest, APublishersOwnDeadline) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  States states;
  auto deadline = loop_->OnDeadline(*publisher, absl::Milliseconds(50), NoteStates(states));
  ASSERT_TRUE(deadline.ok()) << deadline.status();
  Advance(1'000);  // Nobody listens.
  EXPECT_EQ(states, States{});
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  loop_.RunAll();
  for (uint64_t n = 1; n <= 10; ++n) {
    PublishNumber(*publisher, n);
    Advance(49);
  }
  EXPECT_EQ(states, States{});
  Advance(1);
  EXPECT_EQ(states, States{DeadlineState::kSilent});
  Advance(1'000);
  EXPECT_EQ(states.size(), 1u);
  std::thread([&] { PublishNumber(*publisher, 1); }).join();  // Wakes the loop.
  loop_.RunAll();
  EXPECT_EQ(states, (States{DeadlineState::kSilent, DeadlineState::kMet}));
  Advance(50);
  EXPECT_EQ(states.size(), 3u);
  subscriber.reset();
  PublishNumber(*publisher, 1);
  Advance(1'000);
  EXPECT_EQ(states.size(), 3u);
  publisher.reset();
  Advance(1'000);
  EXPECT_FALSE(deadline->active());
}

TEST_F(EventLoopDeadlinesTest, LatchedTopicsHaveDeadlinesWithoutListeners) {
  auto publisher = Make<test::LastPublisher>(*node_);
  States states;
  auto deadline = loop_->OnDeadline(*publisher, absl::Milliseconds(50), NoteStates(states));
  loop_.RunAll();
  Advance(50);
  EXPECT_EQ(states, States{DeadlineState::kSilent});
  PublishNumber(*publisher, 1);
  loop_.RunAll();
  EXPECT_EQ(states.back(), DeadlineState::kMet);
  EXPECT_EQ(loop_->OnDeadline(*publisher, absl::ZeroDuration(), NoteStates(states)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// A publisher on another thread, watched for whether its first sample after a silence is noticed,
// whenever it comes.
TEST_F(EventLoopDeadlinesTest, TheEndOfASilenceIsNeverMissed) {
  constexpr int kRounds = 300;
  TestLoop loop;
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  int missed = 0;
  int met = 0;
  std::atomic<int> turns{0};
  auto deadline =
      loop->OnDeadline(*publisher, absl::Microseconds(50), [&](const DeadlineEvent& event) {
        ++(event.state == DeadlineState::kMet ? met : missed);
        if (event.state != DeadlineState::kMet) ++turns;
      });
  std::thread thread([&] {
    for (int round = 1; round <= kRounds; ++round) {
      if (!Await([&] { return turns >= round; })) return;
      PublishNumber(*publisher, 1);
    }
  });
  EXPECT_TRUE(loop.RunUntil([&] { return met >= kRounds; })) << met;
  thread.join();
  EXPECT_GE(missed, met);
}

// No fixture: it forks before there are threads.
TEST(EventLoopDeadlines, AStoppedPublisherIsToldFromADeadOne) {
  const uint32_t domain = NextDomain();
  Child child([&](Child::Line& line) {
    TestNode far("far", domain);
    auto publisher = Make<test::SmallPublisher>(*far);
    if (!publisher->WaitForSubscriber(kLong)) return 1;
    line.Tell('m');
    while (line.Hear() == 'p') PublishNumber(*publisher, 1);
    return 0;
  });
  TestNode near("near", domain);
  auto subscriber = Make<test::SmallSubscriber>(*near);
  ASSERT_EQ(child.Hear(), 'm');
  ASSERT_TRUE(subscriber->WaitForPublisher(kLong));
  FakeClock clock;
  TestLoop loop(clock.function());
  const auto advance = [&] {
    clock.Advance(50 * kMillisecond);
    loop.RunAll();
  };
  States states;
  Numbers numbers;
  auto on_sample =
      loop->OnSample(*subscriber, NoteNumbers(numbers),
                     {.deadline = absl::Milliseconds(50), .on_deadline = NoteStates(states)});
  const auto hear_one = [&] {
    const size_t before = numbers.size();
    child.Tell('p');
    return loop.RunUntil([&] { return numbers.size() == before + 1; });
  };
  ASSERT_TRUE(hear_one());
  advance();
  EXPECT_EQ(states, States{DeadlineState::kSilent});

  ASSERT_TRUE(hear_one());
  child.Signal(SIGSTOP);
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  advance();
  EXPECT_EQ(states.back(), DeadlineState::kStopped);

  child.Signal(SIGCONT);
  ASSERT_TRUE(hear_one());
  EXPECT_EQ(states.back(), DeadlineState::kMet);
  child.Kill(SIGKILL);
  EXPECT_TRUE(Await([&] { return !subscriber->has_publishers(); }));
  advance();
  EXPECT_EQ(states.back(), DeadlineState::kUnmatched);
  EXPECT_EQ(states.size(), 5u);
}

TEST_F(EventLoopDeadlinesTest, NoSampleForASubscriberThatItsDeadlineHandlerDestroyed) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  States states;
  Numbers numbers;
  auto on_sample = loop_->OnSample(
      *subscriber, NoteNumbers(numbers),
      {.deadline = absl::Milliseconds(50), .on_deadline = [&](const DeadlineEvent& event) {
         states.push_back(event.state);
         if (event.state == DeadlineState::kMet) subscriber.reset();
       }});
  ASSERT_TRUE(on_sample.ok()) << on_sample.status();
  Advance(50);
  PublishNumber(*publisher, 1);
  loop_.RunUntil([&] { return subscriber == nullptr; });
  loop_.RunAll();
  EXPECT_EQ(states.back(), DeadlineState::kMet);
  EXPECT_TRUE(numbers.empty());
  EXPECT_FALSE(on_sample->active());
}

TEST_F(EventLoopDeadlinesTest, APublisherHasOneDeadlineAtATime) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  States states;
  auto first = loop_->OnDeadline(*publisher, absl::Milliseconds(50), NoteStates(states));
  ASSERT_TRUE(first.ok()) << first.status();
  TestLoop other;
  for (const TestLoop* loop : {&loop_, &other}) {
    const absl::Status second =
        (*loop)->OnDeadline(*publisher, absl::Milliseconds(90), NoteStates(states)).status();
    EXPECT_EQ(second.code(), absl::StatusCode::kAlreadyExists) << second;
  }
  // Another instead, also within a turn, where what was removed is still in memory.
  absl::Status next = absl::UnknownError("not asked yet");
  loop_->Post([&] {
    first->Remove();
    first = loop_->OnDeadline(*publisher, absl::Milliseconds(90), NoteStates(states));
    next = first.status();
  });
  loop_.RunAll();
  EXPECT_TRUE(next.ok()) << next;
}

}  // namespace
}  // namespace holler
