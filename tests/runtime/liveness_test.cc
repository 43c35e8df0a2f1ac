#include "holler/liveness.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "node_support.h"
#include "process_support.h"

namespace holler {
namespace {

TEST(Liveness, ReadsTheStateBehindAnyName) {
  EXPECT_EQ(ParseProcessState("7 (cat) R 1 2"), ProcessState::kRunning);
  EXPECT_EQ(ParseProcessState("7 (cat) S 1 2"), ProcessState::kRunning);
  EXPECT_EQ(ParseProcessState("7 (cat) D 1 2"), ProcessState::kRunning);
  EXPECT_EQ(ParseProcessState("7 (a) T (b)) T 1 2"), ProcessState::kStopped);
  EXPECT_EQ(ParseProcessState("7 (a) T (b)) S 1 2"), ProcessState::kRunning);
  EXPECT_EQ(ParseProcessState("7 (cat) t 1 2"), ProcessState::kStopped);
  EXPECT_EQ(ParseProcessState("7 (cat) Z 1 2"), ProcessState::kDead);
  EXPECT_EQ(ParseProcessState("7 (cat) X"), ProcessState::kDead);
  for (const char* odd : {"", ")", "7 (cat)", "7 (cat) ", "no parenthesis"}) {
    EXPECT_EQ(ParseProcessState(odd), ProcessState::kUnknown) << odd;
  }
}

TEST(Liveness, TellsStoppedFromRunningFromDead) {
  Child child([](Child::Line& line) {
    line.Tell('r');
    line.Hear();
    return 0;
  });
  EXPECT_EQ(child.Hear(), 'r');
  EXPECT_EQ(GetProcessState(child.pid()), ProcessState::kRunning);
  child.Signal(SIGSTOP);
  int status = 0;
  EXPECT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
  EXPECT_EQ(GetProcessState(child.pid()), ProcessState::kStopped);

  const PeerInfo self{.pid = ::getpid()};
  const PeerInfo stopped{.pid = child.pid()};
  EXPECT_EQ(WhySilent(std::vector<PeerInfo>{}), Silence::kUnmatched);
  EXPECT_EQ(WhySilent(std::vector{stopped, stopped}), Silence::kStopped);
  EXPECT_EQ(WhySilent(std::vector{stopped, self}), Silence::kSilent);

  child.Signal(SIGCONT);
  EXPECT_EQ(::waitpid(child.pid(), &status, WCONTINUED), child.pid());
  EXPECT_EQ(GetProcessState(child.pid()), ProcessState::kRunning);
  child.Signal(SIGKILL);
  siginfo_t info;
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(GetProcessState(child.pid()), ProcessState::kDead);
  EXPECT_EQ(WhySilent(std::vector{stopped}), Silence::kStopped);
}

// The state of its leader is that of a zombie then.
TEST(Liveness, AProcessWhoseMainThreadEndedRuns) {
  Child child([](Child::Line& line) {
    std::thread([&line] {
      std::string stat;
      do {
        std::getline(std::ifstream("/proc/self/stat"), stat);
      } while (ParseProcessState(stat) != ProcessState::kDead);
      line.Tell('r');
      while (true) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);
    return 0;
  });
  ASSERT_EQ(child.Hear(), 'r');
  EXPECT_EQ(GetProcessState(child.pid()), ProcessState::kRunning);
  child.Signal(SIGSTOP);
  EXPECT_TRUE(Await([&] { return GetProcessState(child.pid()) == ProcessState::kStopped; }));
  child.Signal(SIGKILL);
  siginfo_t info;
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(GetProcessState(child.pid()), ProcessState::kDead);
}

TEST(Liveness, WhatCannotBeSeenIsUnknown) {
  EXPECT_EQ(GetProcessState(0), ProcessState::kUnknown);
  EXPECT_EQ(GetProcessState(-1), ProcessState::kUnknown);
  EXPECT_EQ(GetProcessState(0x7fffffff), ProcessState::kUnknown);
}

}  // namespace
}  // namespace holler
