#include "holler/gate.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace holler {
namespace {

TEST(Gate, IsOpenWhileItsCountIsNotZero) {
  Gate gate;
  EXPECT_FALSE(gate.Wait(absl::ZeroDuration()));
  gate.Add(1);
  gate.Add(1);
  EXPECT_EQ(gate.count(), 2);
  EXPECT_TRUE(gate.Wait(absl::ZeroDuration()));
  EXPECT_TRUE(gate.Wait(absl::InfiniteDuration()));
  gate.Add(-1);
  EXPECT_TRUE(gate.Wait(absl::ZeroDuration()));
  gate.Add(-1);
  EXPECT_EQ(gate.count(), 0);
  EXPECT_FALSE(gate.Wait(absl::Milliseconds(1)));
}

TEST(Gate, NegativeTimeoutsAreOver) {
  const Gate gate;
  EXPECT_FALSE(gate.Wait(-absl::Seconds(1)));
  EXPECT_FALSE(gate.Wait(-absl::InfiniteDuration()));
}

TEST(Gate, LongTimeoutsDoNotOverflow) {
  Gate gate;
  for (const absl::Duration timeout :
       {absl::InfiniteDuration(), absl::Hours(24 * 365 * 99), absl::Hours(24 * 365 * 101),
        absl::Hours(24 * 365) * 1'000'000.0}) {
    std::atomic<bool> passed{false};
    std::thread waiter([&] { passed.store(gate.Wait(timeout)); });
    gate.Add(1);
    waiter.join();
    EXPECT_TRUE(passed.load());
    gate.Add(-1);
  }
}

TEST(Gate, OpensForAll) {
  Gate gate;
  std::atomic<int> passed{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&] { passed += gate.Wait(absl::Seconds(60)) ? 1 : 0; });
  }
  gate.Add(1);
  for (auto& waiter : waiters) waiter.join();
  EXPECT_EQ(passed.load(), 4);
}

}  // namespace
}  // namespace holler
