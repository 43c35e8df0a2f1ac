#include "holler/signal_watch.h"

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

}  // namespace
}  // namespace holler
