#include "holler/gate.h"

#include <poll.h>

#include <atomic>
#include <memory>
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

bool Readable(int fd) {
  pollfd poll{fd, POLLIN, 0};
  return ::poll(&poll, 1, 0) == 1;
}

TEST(Gate, TellsListenersOfEachChange) {
  Gate gate;
  gate.Add(1);
  auto a = gate.Listen();
  auto b = gate.Listen();
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_TRUE(Readable((*a)->fd()));
  EXPECT_EQ((*a)->Hear(), 1);
  EXPECT_FALSE(Readable((*a)->fd()));
  gate.Add(1);
  gate.Add(1);
  EXPECT_TRUE(Readable((*a)->fd()));
  EXPECT_EQ((*a)->Hear(), 3);
  EXPECT_FALSE(Readable((*a)->fd()));
  EXPECT_TRUE(Readable((*b)->fd()));  // Each has its own.
  EXPECT_EQ((*b)->Hear(), 3);
  b->reset();
  gate.Add(-3);
  EXPECT_EQ((*a)->Hear(), 0);
}

TEST(Gate, ListenersLearnThatItIsGone) {
  std::shared_ptr<MatchNews> news;
  {
    Gate gate;
    news = *gate.Listen();
    news->Hear();
    EXPECT_FALSE(news->closed());
  }
  EXPECT_TRUE(news->closed());
  EXPECT_TRUE(Readable(news->fd()));
}

TEST(Gate, HasAnFdOfItsOwn) {
  Gate gate;
  EXPECT_EQ(gate.Hear(), 0);
  const auto fd = gate.Fd();
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(*gate.Fd(), *fd);
  EXPECT_TRUE(Readable(*fd));
  EXPECT_EQ(gate.Hear(), 0);
  gate.Add(2);
  EXPECT_TRUE(Readable(*fd));
  EXPECT_EQ(gate.Hear(), 2);
  EXPECT_FALSE(Readable(*fd));
}

}  // namespace
}  // namespace holler
