#include "holler/pulse.h"

#include <poll.h>

#include <atomic>
#include <memory>
#include <thread>

#include "gtest/gtest.h"
#include "stress_support.h"

namespace holler {
namespace {

class PulseTest : public testing::Test {
 protected:
  PulseTest() { news_->Hear(); }

  // Whether a beat has rung since this was asked last.
  bool Rang() {
    pollfd ready{.fd = news_->fd(), .events = POLLIN, .revents = 0};
    const bool rang = ::poll(&ready, 1, 0) == 1;
    news_->Hear();
    return rang;
  }

  const std::shared_ptr<MatchNews> news_ = std::move(*MatchNews::Create(0));
  Pulse pulse_{news_, Clock()};
};

TEST_F(PulseTest, RingsForTheNextBeatOnly) {
  const int64_t before = MonotonicNow();
  pulse_.Beat();
  EXPECT_FALSE(Rang()) << "nobody has asked";
  EXPECT_EQ(pulse_.count(), 1u);
  EXPECT_GE(pulse_.last(), before);
  EXPECT_EQ(pulse_.WakeAtNext(), 1u);
  EXPECT_FALSE(Rang());
  pulse_.Beat();
  EXPECT_TRUE(Rang());
  pulse_.Beat();
  EXPECT_FALSE(Rang());
  EXPECT_EQ(pulse_.count(), 3u);
}

TEST_F(PulseTest, AskingTwiceIsAskingOnce) {
  pulse_.WakeAtNext();
  EXPECT_EQ(pulse_.WakeAtNext(), 0u);
  pulse_.Beat();
  EXPECT_TRUE(Rang());
  pulse_.Beat();
  EXPECT_FALSE(Rang());
}

// A watcher that sees a beat by itself, and asks for the next one while that beat is still looking
// whether it is to ring: the next one rings.
TEST_F(PulseTest, ABeatThatIsKnownDoesNotAnswerForTheNext) {
  const uint64_t rounds = StressRounds(2'000);
  std::atomic<uint64_t> asked{0};
  std::atomic<uint64_t> done{0};
  std::thread publisher([&] {
    for (uint64_t n = 1; n <= 2 * rounds; ++n) {
      while (asked.load() < n) std::this_thread::yield();
      pulse_.Beat();
      done.store(n);
    }
  });
  for (uint64_t n = 1; n <= 2 * rounds; n += 2) {
    pulse_.WakeAtNext();
    asked.store(n);
    while (pulse_.count() < n) {
    }
    EXPECT_EQ(pulse_.WakeAtNext(), n);
    while (done.load() < n) std::this_thread::yield();
    Rang();
    asked.store(n + 1);
    while (done.load() < n + 1) std::this_thread::yield();
    EXPECT_TRUE(Rang()) << n;
  }
  publisher.join();
}

}  // namespace
}  // namespace holler
