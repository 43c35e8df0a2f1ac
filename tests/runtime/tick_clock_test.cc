#include "holler/tick_clock.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "gtest/gtest.h"

namespace holler {
namespace {

// A machine whose clocks the test moves.
struct Machine {
  int64_t time = 1'000'000'000'000;  // ns.
  double ticks = 5e12;               // Have run for longer.
  double rate = 3.0;                 // Ticks in a ns.
  int64_t cost = 20;                 // ns that a look at the kernel's clock takes.
  int looks = 0;                     // At the kernel's clock.

  void Pass(int64_t ns) {
    time += ns;
    ticks += static_cast<double>(ns) * rate;
  }
};

Machine machine;

struct FakeTicks {
  static uint64_t Now() noexcept { return static_cast<uint64_t>(machine.ticks); }
  static int64_t Monotonic() noexcept {
    ++machine.looks;
    machine.Pass(machine.cost);
    return machine.time;
  }
};

class TickClockTest : public testing::Test {
 protected:
  TickClockTest() { machine = {}; }

  // Asks every `gap` ns, `times` times. Returns how far it was off at most; expects that it never
  // decreased.
  int64_t Ask(int64_t gap, int times) {
    int64_t worst = 0;
    for (int i = 0; i < times; ++i) {
      machine.Pass(gap);
      const int64_t now = clock_.Now();
      EXPECT_GE(now, last_);
      last_ = now;
      worst = std::max(worst, std::abs(now - machine.time));
    }
    return worst;
  }

  TickClock<FakeTicks> clock_{true};
  int64_t last_ = 0;
};

constexpr int64_t kWindow = 20'000;

TEST_F(TickClockTest, IsRightForWhoAsksOften) {
  EXPECT_LE(Ask(100, 1'000'000), 40);
  EXPECT_LT(machine.looks, 30'000) << "it should count on by the ticks";
}

TEST_F(TickClockTest, IsTheKernelsForWhoAsksRarely) {
  EXPECT_EQ(Ask(1'000'000, 1'000), 0);
  EXPECT_EQ(machine.looks, 1'000);
}

TEST_F(TickClockTest, IsTheKernelsWithoutTicks) {
  TickClock<FakeTicks> clock(false);
  for (int i = 0; i < 1'000; ++i) EXPECT_EQ(clock.Now(), machine.time);
  EXPECT_EQ(machine.looks, 1'000);
}

TEST_F(TickClockTest, FollowsAKernelThatSteers) {
  Ask(100, 100'000);
  for (int i = 0; i < 100; ++i) {
    machine.rate *= i % 2 == 0 ? 1.0005 : 1 / 1.0005;
    EXPECT_LE(Ask(100, 10'000), 60);
  }
}

TEST_F(TickClockTest, IsOffByAWindowAtMostIfTheTicksChangeTheirRate) {
  Ask(100, 100'000);
  for (const double rate : {1.5, 3.0, 6.0, 3.1, 6.0, 3.0}) {
    machine.rate = rate;
    EXPECT_LE(Ask(100, 100'000), kWindow) << rate;
  }
  // It finds out, and counts on again.
  Ask(100, 30'000'000);
  machine.looks = 0;
  EXPECT_LE(Ask(100, 100'000), 60);
  EXPECT_LT(machine.looks, 3'000);
}

TEST_F(TickClockTest, IsOffByAWindowAtMostIfTheTicksJump) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    const double far = std::pow(10, static_cast<double>(random() % 14));
    machine.ticks = std::max(0.0, machine.ticks + (random() % 2 == 0 ? far : -far));
    EXPECT_LE(Ask(100, 1'000), kWindow);
  }
}

TEST_F(TickClockTest, OutlivesASleepOfTheMachine) {
  for (const int64_t slept : {int64_t{5'000'000'000}, int64_t{500'000'000}, int64_t{3'000'000}}) {
    Ask(100, 100'000);
    machine.ticks += static_cast<double>(slept) * machine.rate;  // Not so CLOCK_MONOTONIC.
    EXPECT_LE(Ask(100, 1'000'000), kWindow) << slept;
    Ask(100, 30'000'000);
    EXPECT_LE(Ask(100, 100'000), 60) << slept;
  }
}

TEST_F(TickClockTest, MeasuresNoRateByALookThatWasInterrupted) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    machine.cost = random() % 4 == 0 ? 50'000 : 20;
    EXPECT_LE(Ask(100, 10), 60);
  }
}

TEST(CpuTicks, AgreeWithTheKernel) {
  if (!CpuTicks::Exist()) GTEST_SKIP() << "the kernel keeps its time by something else";
  TickClock<CpuTicks> clock(true);
  int64_t last = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const int64_t before = MonotonicNow();
    const int64_t now = clock.Now();
    const int64_t after = MonotonicNow();
    ASSERT_GE(now, before - kWindow);
    ASSERT_LE(now, after + kWindow);
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace holler
