// Timers, file descriptors, tasks and signals. Subscribers: event_loop_samples_test.cc.
#include "holler/event_loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "loop_support.h"
#include "process_support.h"

namespace holler {
namespace {

using Events = std::vector<std::pair<int64_t, uint64_t>>;  // Since the start in ms, and missed.

class EventLoopTest : public testing::Test {
 protected:
  TimerHandler Note(Events& events) {
    return [this, &events](const TimerEvent& event) {
      events.emplace_back((event.due - start_) / kMillisecond, event.missed);
    };
  }
  void Advance(int64_t milliseconds) {
    clock_.Advance(milliseconds * kMillisecond);
    loop_.RunAll();
  }

  FakeClock clock_;
  const int64_t start_ = clock_.Now();
  TestLoop loop_{clock_.function()};
};

// ---- Timers ----

TEST_F(EventLoopTest, APeriodicTimerDoesNotDrift) {
  Events events;
  auto timer = loop_->Every(absl::Milliseconds(10), Note(events));
  ASSERT_TRUE(timer.ok());
  Advance(9);
  EXPECT_EQ(events, Events{});
  Advance(4);  // 13
  Advance(4);  // 17
  Advance(3);  // 20
  Advance(9);  // 29
  Advance(1);  // 30
  EXPECT_EQ(events, (Events{{10, 0}, {20, 0}, {30, 0}}));
}

TEST_F(EventLoopTest, ALateTimerSaysHowManyItMissed) {
  Events events;
  auto timer = loop_->Every(absl::Milliseconds(10), Note(events));
  Advance(10);
  Advance(35);  // 45: 20 and 30 are left out.
  Advance(5);
  EXPECT_EQ(events, (Events{{10, 0}, {40, 2}, {50, 0}}));
}

TEST_F(EventLoopTest, TimersByTheClockAndOnce) {
  Events once, later, from;
  auto a = loop_->At(start_ + 5 * kMillisecond, Note(once));
  auto b = loop_->After(absl::Milliseconds(7), Note(later));
  auto c = loop_->EveryFrom(start_ + 3 * kMillisecond, absl::Milliseconds(100), Note(from));
  Advance(1'000);
  EXPECT_EQ(once, (Events{{5, 0}}));
  EXPECT_EQ(later, (Events{{7, 0}}));
  EXPECT_EQ(from, (Events{{903, 9}}));
}

TEST_F(EventLoopTest, ATimerInThePastIsDueAtOnce) {
  int calls = 0;
  auto past = loop_->At(start_ - kSecond, [&] { ++calls; });
  auto before = loop_->After(-absl::Seconds(1), [&] { ++calls; });
  auto never = loop_->After(absl::InfiniteDuration(), [&] { calls += 100; });
  loop_.RunAll();
  Advance(1'000'000'000);
  EXPECT_EQ(calls, 2);
}

TEST_F(EventLoopTest, TimersAreSetAnewAndCancelledFromWithinHandlers) {
  Events events;
  Timer timer;
  Timer other = loop_->After(absl::Milliseconds(30), [&] { FAIL(); });
  int calls = 0;
  timer = loop_->After(absl::Milliseconds(10), [&](const TimerEvent& event) {
    events.emplace_back((event.due - start_) / kMillisecond, event.missed);
    switch (++calls) {
      case 1:
        other.Cancel();
        timer.After(absl::Milliseconds(5));
        break;
      case 2:
        timer.Every(absl::Milliseconds(20));
        break;
      case 4:
        timer.Cancel();
        break;
      default:
        break;
    }
  });
  for (int i = 0; i < 100; ++i) Advance(1);
  EXPECT_EQ(events, (Events{{10, 0}, {15, 0}, {35, 0}, {55, 0}}));
  EXPECT_TRUE(timer.active());
  timer.At(start_ + 120 * kMillisecond);
  Advance(50);
  EXPECT_EQ(events.back(), std::pair(int64_t{120}, uint64_t{0}));
}

TEST_F(EventLoopTest, ATimerThatIsAlwaysDueStarvesNobody) {
  Timer greedy;
  int greedy_calls = 0;
  greedy = loop_->After(absl::ZeroDuration(), [&] {
    ++greedy_calls;
    greedy.At(start_ - kSecond);
  });
  int modest_calls = 0;
  auto modest = loop_->After(absl::ZeroDuration(), [&] { ++modest_calls; });
  Pipe pipe;
  pipe.Write();
  int pipe_calls = 0;
  auto watch = loop_->OnReadable(pipe.in.get(), [&] { ++pipe_calls; });
  loop_->RunOnce();
  loop_->RunOnce();
  EXPECT_EQ(greedy_calls, 2);
  EXPECT_EQ(modest_calls, 1);
  EXPECT_EQ(pipe_calls, 2);
}

TEST_F(EventLoopTest, PeriodsMustBePositive) {
  for (const absl::Duration period : {absl::ZeroDuration(), -absl::Seconds(1)}) {
    const absl::Status status = loop_->Every(period, [] {}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("must be positive"), absl::string_view::npos);
  }
}

// ---- Files ----

TEST_F(EventLoopTest, FilesAreServedWhileTheyAreReady) {
  Pipe pipe;
  int reads = 0;
  auto watch = loop_->OnReadable(pipe.in.get(), [&] {
    pipe.Read();
    ++reads;
  });
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_FALSE(loop_->RunOnce());
  pipe.Write();
  pipe.Write();
  loop_.RunAll();
  EXPECT_EQ(reads, 2);
  watch->Remove();
  EXPECT_FALSE(watch->active());
  pipe.Write();
  EXPECT_FALSE(loop_->RunOnce());
}

TEST_F(EventLoopTest, InterestChanges) {
  Pipe pipe;
  uint32_t seen = 0;
  auto watch = loop_->OnFd(pipe.out.get(), 0, [&](uint32_t events) { seen = events; });
  ASSERT_TRUE(watch.ok());
  EXPECT_FALSE(loop_->RunOnce());
  EXPECT_TRUE(watch->SetEvents(EPOLLOUT).ok());
  EXPECT_TRUE(loop_->RunOnce());
  EXPECT_EQ(seen, EPOLLOUT);
  EXPECT_TRUE(watch->SetEvents(0).ok());
  EXPECT_FALSE(loop_->RunOnce());
  watch->Remove();
  EXPECT_EQ(watch->SetEvents(EPOLLOUT).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(EventLoopTest, FilesThatCannotBeWaitedFor) {
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(loop_->OnReadable(file.get(), [] {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(loop_->OnReadable(-1, [] {}).ok());
  const absl::Status closed = loop_->OnReadable(1'000'000, [] {}).status();
  EXPECT_EQ(closed, absl::InvalidArgumentError("fd 1000000: it is not open"));
  Pipe pipe;
  auto watch = loop_->OnReadable(pipe.in.get(), [] {});
  EXPECT_EQ(loop_->OnReadable(pipe.in.get(), [] {}).status().code(),
            absl::StatusCode::kAlreadyExists);
}

// ---- Removing ----

// Each removes the other and itself: whoever is first, it is the only one.
TEST_F(EventLoopTest, HandlersRemoveThemselvesAndOthers) {
  Pipe a, b;
  a.Write();
  b.Write();
  std::vector<FdWatch> watches(2);
  int calls = 0;
  const auto held = std::make_shared<int>(0);
  const auto handler = [&, held] {
    ++calls;
    watches.clear();
    EXPECT_GE(held.use_count(), 2);  // What a running handler holds is still there.
  };
  watches[0] = *loop_->OnReadable(a.in.get(), handler);
  watches[1] = *loop_->OnReadable(b.in.get(), handler);
  loop_.RunAll();
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, WhatAHandlerHoldsGoesWithIt) {
  const auto held = std::make_shared<int>(0);
  Timer timer;
  timer = loop_->After(absl::ZeroDuration(), [&timer, held] { timer.Remove(); });
  EXPECT_EQ(held.use_count(), 2);
  loop_->RunOnce();
  EXPECT_EQ(held.use_count(), 1);
}

// A chain of handlers, each of which holds the next one's registration.
TEST_F(EventLoopTest, HandlersHoldRegistrations) {
  Pipe pipe;
  auto inner = std::make_shared<FdWatch>(*loop_->OnReadable(pipe.in.get(), [] {}));
  Timer outer = loop_->After(absl::Seconds(1), [inner] {});
  inner.reset();
  outer.Remove();
  EXPECT_TRUE(loop_->OnReadable(pipe.in.get(), [] {}).ok());  // The other is gone.
}

TEST_F(EventLoopTest, RegistrationsOutliveTheLoop) {
  Pipe pipe;
  auto watch = loop_->OnReadable(pipe.in.get(), [] { FAIL(); });
  auto inner = std::make_shared<Timer>(loop_->After(absl::ZeroDuration(), [] { FAIL(); }));
  auto timer = loop_->After(absl::Seconds(1), [inner] { FAIL(); });
  loop_.loop.reset();
  EXPECT_FALSE(watch->active());
  timer.After(absl::ZeroDuration());
  timer.Cancel();
  timer.Remove();
}

TEST_F(EventLoopTest, AssigningEndsTheOldOne) {
  int calls = 0;
  Timer timer = loop_->After(absl::ZeroDuration(), [&] { calls += 100; });
  timer = loop_->After(absl::ZeroDuration(), [&] { ++calls; });
  Registration moved = std::move(timer);
  loop_.RunAll();
  EXPECT_EQ(calls, 1);
}

// ---- Tasks, and the end ----

TEST_F(EventLoopTest, TasksRunInOrderAndOnTheLoopsThread) {
  constexpr uint64_t kTasks = 10'000;
  std::vector<uint64_t> ran;
  const auto loop_thread = std::this_thread::get_id();
  std::thread poster([&] {
    for (uint64_t i = 0; i < kTasks; ++i) {
      loop_->Post([&, i] {
        EXPECT_EQ(std::this_thread::get_id(), loop_thread);
        ran.push_back(i);
      });
    }
    loop_->Post([&] { loop_->Stop(); });
  });
  loop_->Run();
  poster.join();
  ASSERT_EQ(ran.size(), kTasks);
  for (uint64_t i = 0; i < kTasks; ++i) ASSERT_EQ(ran[i], i);
}

TEST_F(EventLoopTest, TasksThatPostTasksStarveNobody) {
  int tasks = 0;
  std::function<void()> again = [&] {
    ++tasks;
    loop_->Post(again);
  };
  loop_->Post(again);
  Pipe pipe;
  pipe.Write();
  int reads = 0;
  auto watch = loop_->OnReadable(pipe.in.get(), [&] { ++reads; });
  for (int turn = 0; turn < 10; ++turn) loop_->RunOnce();
  EXPECT_EQ(reads, 10);
  EXPECT_GE(tasks, 10);
}

TEST_F(EventLoopTest, TasksMayBeMoveOnly) {
  auto number = std::make_unique<int>(7);
  int seen = 0;
  loop_->Post([&, number = std::move(number)] { seen = *number; });
  loop_.RunAll();
  EXPECT_EQ(seen, 7);
}

TEST_F(EventLoopTest, TasksLeftOverAreDropped) {
  const auto held = std::make_shared<int>(0);
  auto deferred = loop_->Defer([held](int) { FAIL(); });
  deferred(1);
  loop_->Post([held] { FAIL(); });
  loop_.loop.reset();
  deferred(2);
  EXPECT_EQ(held.use_count(), 2);  // This one and deferred's.
}

TEST_F(EventLoopTest, DeferredCallsEndWithTheirOwner) {
  std::vector<std::string> seen;
  std::function<void(const std::string&, int)> callback = loop_->Defer(
      [&](const std::string& text, int number) { seen.push_back(text + std::to_string(number)); });
  std::thread([&] { callback("a", 1); }).join();
  loop_.RunAll();
  EXPECT_EQ(seen, std::vector<std::string>{"a1"});
  callback("b", 2);
  callback = nullptr;
  loop_.RunAll();
  EXPECT_EQ(seen.size(), 1u);
}

TEST_F(EventLoopTest, StopBeforeRunEndsItAtOnce) {
  loop_->Stop();
  loop_->Run();
  std::thread stopper([&] { loop_->Stop(); });
  loop_->Run();
  stopper.join();
}

TEST_F(EventLoopTest, SignalsStopIt) {
  {
    TestLoop other;
    ASSERT_TRUE(other->StopOnSignals({SIGUSR1, SIGUSR2}).ok());
    ::raise(SIGUSR2);
    other->Run();
    ::raise(SIGUSR1);
    other->Run();
    EXPECT_EQ(loop_->StopOnSignals({SIGTERM, SIGUSR1}).code(),
              absl::StatusCode::kFailedPrecondition);
  }
  std::vector<int> signals;
  auto registration = loop_->OnSignal(SIGUSR1, [&](int signal) { signals.push_back(signal); });
  ASSERT_TRUE(registration.ok()) << registration.status();
  ::raise(SIGUSR1);
  loop_.RunAll();
  EXPECT_EQ(signals, std::vector{SIGUSR1});
}

// ---- Reports ----

TEST_F(EventLoopTest, AHandlerThatThrowsDoesNotEndTheLoop) {
  Pipe pipe;
  pipe.Write();
  auto watch = loop_->OnReadable(pipe.in.get(), [&] {
    pipe.Read();
    throw std::runtime_error("bad frame");
  });
  int calls = 0;
  loop_->Post([] { throw std::runtime_error("bad task"); });
  loop_->Post([&] { ++calls; });
  EXPECT_TRUE(loop_->RunOnce());
  EXPECT_EQ(calls, 1);
  EXPECT_NE(loop_.log->Find("fd " + std::to_string(pipe.in.get()) + ": the handler threw"), "");
  EXPECT_NE(loop_.log->Find("bad frame"), "");
  EXPECT_NE(loop_.log->Find("posted task: the handler threw"), "");
  EXPECT_FALSE(loop_->RunOnce());
}

TEST_F(EventLoopTest, OrItDoesIfOneSaysSo) {
  TestLoop loop(clock_.function(), /*rethrow=*/true);
  int calls = 0;
  loop->Post([] { throw std::runtime_error("bad task"); });
  loop->Post([&] { ++calls; });
  EXPECT_THROW(loop->Run(), std::runtime_error);
  EXPECT_EQ(calls, 1);
  loop->Post([&] { loop->Stop(); });
  loop->Run();
}

TEST_F(EventLoopTest, ASlowHandlerIsReported) {
  auto timer = loop_->After(absl::ZeroDuration(), [&] { clock_.Advance(2 * kSecond); });
  loop_.RunAll();
  EXPECT_NE(loop_.log->Find("timer: the handler ran for 2000 ms"), "");
}

// ---- In another loop ----

// With the real clock, as only that makes fd() readable by itself.
TEST(EventLoopInAnother, ItsFdTellsOfAllThereIsToDo) {
  TestLoop loop;
  const int fd = loop->fd();
  EXPECT_FALSE(Readable(fd));
  int calls = 0;

  auto timer = loop->After(absl::Milliseconds(1), [&] { ++calls; });
  ASSERT_TRUE(Readable(fd, 60'000));
  EXPECT_TRUE(loop->RunOnce());
  EXPECT_EQ(calls, 1);
  loop->RunOnce();
  EXPECT_FALSE(Readable(fd));

  timer.After(absl::ZeroDuration());  // Outside of a turn.
  ASSERT_TRUE(Readable(fd, 60'000));
  timer.Cancel();
  EXPECT_FALSE(Readable(fd));

  std::thread([&] { loop->Post([&] { ++calls; }); }).join();
  ASSERT_TRUE(Readable(fd));
  EXPECT_TRUE(loop->RunOnce());
  EXPECT_EQ(calls, 2);

  for (int i = 0; i < 1'000; ++i) loop->Post([&] { ++calls; });
  while (Readable(fd)) loop->RunOnce();
  EXPECT_EQ(calls, 1'002);
}

TEST(EventLoopInAnother, TimersGoOnWithTheRealClock) {
  TestLoop loop;
  int calls = 0;
  auto timer = loop->Every(absl::Microseconds(200), [&] {
    if (++calls == 20) loop->Stop();
  });
  loop->Run();
  EXPECT_EQ(calls, 20);
  EXPECT_FALSE(loop->RunOnce(-absl::Seconds(1)) && calls > 100);
}

TEST(EventLoop, LimitsAreErrors) {
  const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
  EXPECT_EQ(EventLoop::Create().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(EventLoopTest, AnEndlessPeriodIsNeverOver) {
  Events events;
  auto timer = loop_->Every(absl::InfiniteDuration(), Note(events));
  ASSERT_TRUE(timer.ok()) << timer.status();
  Advance(1);
  Advance(1'000'000);
  EXPECT_TRUE(events.empty());
}

TEST_F(EventLoopTest, AnEmptyTaskStopsNobody) {
  int calls = 0;
  loop_->Post([&] { ++calls; });
  loop_->Post(Task());
  loop_->Post([&] { ++calls; });
  loop_.RunAll();
  loop_.RunAll();
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, ALogThatThrowsLeavesTheLoopUsable) {
  auto loop = EventLoop::Create(
      {.log = [](LogSeverity, const std::string&) { throw std::runtime_error("no log"); }});
  ASSERT_TRUE(loop.ok()) << loop.status();
  int calls = 0;
  loop->Post([] { throw std::runtime_error("no task"); });
  loop->Post([&] { ++calls; });
  EXPECT_NO_THROW(loop->RunOnce());
  loop->Post([&] { ++calls; });
  EXPECT_TRUE(loop->RunOnce());
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace holler
