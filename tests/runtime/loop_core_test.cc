// The engine among others: in a foreign loop, in a forked process, and with fds that are closed.
#include "holler/loop_core.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <utility>

#include "gtest/gtest.h"
#include "loop_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

struct CountingWatch {
  explicit CountingWatch(EventLoop& loop, Pipe& pipe) {
    auto created = loop.OnReadable(pipe.in.get(), [this, &pipe] {
      pipe.Read();
      ++calls;
    });
    EXPECT_TRUE(created.ok()) << created.status();
    if (created.ok()) watch = std::move(*created);
  }
  int calls = 0;
  FdWatch watch;
};

TEST(LoopCore, AForkedChildThatDestroysARegistrationLeavesTheParentsAlone) {
  TestLoop loop;
  Pipe pipe;
  CountingWatch counting(*loop, pipe);
  EXPECT_TRUE(ExitedWith(InChild([&] {
                           counting.watch.Remove();
                           return 0;
                         }),
                         0));
  pipe.Write();
  loop.RunAll();
  EXPECT_EQ(counting.calls, 1);
}

TEST(LoopCore, AForkedChildThatDestroysItsTimersAndLoopLeavesTheParentsAlone) {
  TestLoop loop;
  const int fd = loop->fd();
  int calls = 0;
  Timer timer = loop->After(absl::Milliseconds(10), [&] { ++calls; });
  EXPECT_TRUE(ExitedWith(InChild([&] {
                           timer.Remove();
                           loop.loop.reset();
                           return 0;
                         }),
                         0));
  // Nobody but the timerfd tells.
  ASSERT_TRUE(Readable(fd, absl::ToInt64Milliseconds(kLong)));
  EXPECT_TRUE(loop.RunUntil([&] { return calls == 1; }));
}

TEST(LoopCore, AForkedChildCanAddNothing) {
  TestLoop loop;
  Pipe pipe;
  EXPECT_TRUE(ExitedWith(InChild([&] {
                           const absl::Status status =
                               loop->OnReadable(pipe.in.get(), [] {}).status();
                           return status.code() == absl::StatusCode::kFailedPrecondition ? 0 : 1;
                         }),
                         0));
}

TEST(LoopCore, RemovingTheWatchOfAClosedFdLeavesItsNextOwnersAlone) {
  TestLoop loop;
  std::optional<Pipe> closed(std::in_place);
  CountingWatch stale(*loop, *closed);
  const int number = closed->in.get();
  closed.reset();
  Pipe pipe;
  ASSERT_EQ(pipe.in.get(), number);
  CountingWatch fresh(*loop, pipe);
  EXPECT_EQ(stale.watch.SetEvents(EPOLLOUT).code(), absl::StatusCode::kFailedPrecondition);
  stale.watch.Remove();
  pipe.Write();
  loop.RunAll();
  EXPECT_EQ(fresh.calls, 1);
  EXPECT_EQ(stale.calls, 0);
}

// A file that somebody else has open, too, stays in an epoll set when its fd is closed.
TEST(LoopCore, AnEventOfAFileThatNobodyWatchesAnyMoreReachesNobody) {
  TestLoop loop;
  std::optional<Pipe> closed(std::in_place);
  auto stale = std::make_unique<CountingWatch>(*loop, *closed);
  const UniqueFd copy(::dup(closed->in.get()));
  closed->Write();
  closed.reset();
  stale.reset();
  EXPECT_FALSE(loop->RunOnce());
}

// A release rings for nobody: the next turn on the same thread looks, before it sleeps.
TEST(LoopCore, ASampleGivenBackBetweenTurnsIsSeenByTheNextTurn) {
  TestNode node("node", NextDomain());
  auto publisher = Make<test::TightPublisher>(*node);
  auto subscriber = Make<test::TightSubscriber>(*node);
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  TestLoop loop;
  Sample<test::Small> kept;
  int calls = 0;
  auto on_sample = loop->OnSample(*subscriber, [&](Sample<test::Small> sample) {
    kept = std::move(sample);
    ++calls;
  });
  ASSERT_TRUE(on_sample.ok()) << on_sample.status();
  const int fd = loop->fd();
  PublishNumber(*publisher, 1);
  PublishNumber(*publisher, 2);
  loop.RunAll();
  ASSERT_EQ(calls, 1);
  while (Readable(fd)) loop->RunOnce();
  kept = {};
  loop->Wake();  // As whoever gives samples back outside of a handler does.
  EXPECT_TRUE(Readable(fd));
  while (Readable(fd)) loop->RunOnce();
  EXPECT_EQ(calls, 2);
  PublishNumber(*publisher, 3);
  loop.RunAll();
  kept = {};
  // It would sleep for long if it looked only afterwards.
  loop->RunOnce(kLong);
  EXPECT_EQ(calls, 3);
}

TEST(LoopCore, StoppedIsSeenByWhoeverRunsTheTurns) {
  TestLoop loop;
  const int fd = loop->fd();
  while (Readable(fd)) loop->RunOnce();
  EXPECT_FALSE(loop->stopped());
  loop->Stop();
  EXPECT_TRUE(loop->stopped());
  EXPECT_TRUE(Readable(fd));
  loop->RunOnce();
  EXPECT_TRUE(loop->stopped());
  loop->Run();  // Which that Stop ends.
  EXPECT_FALSE(loop->stopped());
}

}  // namespace
}  // namespace holler
