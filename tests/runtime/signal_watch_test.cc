#include "holler/signal_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "process_support.h"

namespace holler {
namespace {

bool Readable(const SignalWatch& watch) {
  pollfd poll{watch.fd(), POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}

TEST(SignalWatch, SaysThatItsSignalCame) {
  auto watch = SignalWatch::Create(SIGUSR1);
  ASSERT_TRUE(watch.ok()) << watch.status();
  EXPECT_EQ(watch->signal(), SIGUSR1);
  EXPECT_FALSE(watch->Hear());
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  EXPECT_TRUE(Readable(*watch));
  EXPECT_TRUE(watch->Hear());
  EXPECT_FALSE(Readable(*watch));
  EXPECT_FALSE(watch->Hear());
}

TEST(SignalWatch, WhateverThreadTheSignalMeets) {
  auto watch = SignalWatch::Create(SIGUSR1);
  ASSERT_TRUE(watch.ok());
  std::thread([] { ::raise(SIGUSR1); }).join();
  EXPECT_TRUE(watch->Hear());
}

TEST(SignalWatch, GivesTheOldHandlerBack) {
  ::signal(SIGUSR1, SIG_IGN);
  std::optional<SignalWatch> watch(*SignalWatch::Create(SIGUSR1));
  SignalWatch moved = std::move(*watch);
  watch.reset();
  ::raise(SIGUSR1);
  EXPECT_TRUE(moved.Hear());
  { const SignalWatch last = std::move(moved); }
  struct sigaction now = {};
  ASSERT_EQ(::sigaction(SIGUSR1, nullptr, &now), 0);
  EXPECT_EQ(now.sa_handler, SIG_IGN);
}

TEST(SignalWatch, ANewWatchHasNotHeardOfOldSignals) {
  {
    auto watch = SignalWatch::Create(SIGUSR1);
    ::raise(SIGUSR1);
  }
  auto watch = SignalWatch::Create(SIGUSR1);
  ASSERT_TRUE(watch.ok());
  EXPECT_FALSE(watch->Hear());
}

TEST(SignalWatch, ErrorsSayWhatIsWrong) {
  auto watch = SignalWatch::Create(SIGUSR1);
  const absl::Status twice = SignalWatch::Create(SIGUSR1).status();
  EXPECT_EQ(twice.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(twice.message().find("User defined signal 1"), absl::string_view::npos) << twice;
  for (const int signal : {0, -1, 1'000, SIGKILL, SIGSTOP}) {
    EXPECT_EQ(SignalWatch::Create(signal).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(SignalWatch, AForkedChildMeetsTheDefault) {
  auto watch = SignalWatch::Create(SIGUSR1);
  ASSERT_TRUE(watch.ok());
  const int status = InChild([] {
    ::raise(SIGUSR1);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGUSR1);
  EXPECT_FALSE(watch->Hear());
}

// As workers of a server do, each of which wants to hear its own SIGHUP.
TEST(SignalWatch, AForkedWorkerDoesNotHearTheSignalsOfAnother) {
  { auto once = SignalWatch::Create(SIGUSR1); }
  const auto work = [](Child::Line line) {
    auto watch = SignalWatch::Create(SIGUSR1);
    line.Tell(watch.ok() ? 'r' : 'x');
    line.Tell(line.Hear());  // With the signal behind it.
    line.Hear();
    line.Tell(watch->Hear() ? 'y' : 'n');
    return 0;
  };
  Child first(work);
  Child second(work);
  ASSERT_EQ(first.Hear(), 'r');
  ASSERT_EQ(second.Hear(), 'r');
  first.Signal(SIGUSR1);
  first.Tell('s');
  ASSERT_EQ(first.Hear(), 's');
  second.Tell('s');
  ASSERT_EQ(second.Hear(), 's');
  second.Tell('?');
  EXPECT_EQ(second.Hear(), 'n');
  first.Tell('?');
  EXPECT_EQ(first.Hear(), 'y');
}

TEST(SignalWatch, AForkedChildCanWatchWhatItsParentWatches) {
  auto watch = SignalWatch::Create(SIGUSR1);
  ASSERT_TRUE(watch.ok());
  const int status = InChild([&] {
    auto own = SignalWatch::Create(SIGUSR1);
    if (!own.ok()) return 1;
    { const SignalWatch inherited = *std::move(watch); }  // Which is not the child's.
    ::raise(SIGUSR1);
    if (!own->Hear()) return 2;
    return SignalWatch::Create(SIGUSR1).ok() ? 3 : 0;
  });
  EXPECT_TRUE(ExitedWith(status, 0)) << status;
  EXPECT_FALSE(watch->Hear());
}

TEST(SignalWatch, AForkedChildThatClosedAllWritesIntoNoFile) {
  int inherited = -1;
  {
    auto watch = SignalWatch::Create(SIGUSR1);
    inherited = watch->fd();
  }
  const int status = InChild([&] {
    ::close(inherited);
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK) != 0 || ::dup2(ends[1], inherited) < 0) return 1;
    auto watch = SignalWatch::Create(SIGUSR1);
    if (!watch.ok()) return 2;
    ::raise(SIGUSR1);
    if (!watch->Hear()) return 3;
    char byte;
    return ::read(ends[0], &byte, 1) > 0 ? 4 : 0;
  });
  EXPECT_TRUE(ExitedWith(status, 0)) << status;
}

}  // namespace
}  // namespace holler
