#include "holler/handler_watch.h"

#include <stdexcept>
#include <string>

#include "gtest/gtest.h"
#include "loop_support.h"

namespace holler {
namespace {

class HandlerWatchTest : public testing::Test {
 protected:
  FakeClock clock_;
  Lines lines_;
  HandlerWatch watch_{100 * kMillisecond,
                      [this](LogSeverity, const std::string& line) { lines_.Add(line); },
                      Clock(clock_.function())};
  HandlerRecord record_;
};

TEST_F(HandlerWatchTest, ReportsWhoTookTooLong) {
  watch_.Run("topic 'imu'", record_, [&] { clock_.Advance(100 * kMillisecond); });
  EXPECT_EQ(lines_.size(), 0u);
  watch_.Run("topic 'imu'", record_, [&] { clock_.Advance(152 * kMillisecond); });
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_NE(lines_.Find("topic 'imu': the handler ran for 152 ms, longer than 100 ms"), "");
  EXPECT_EQ(record_.slow, 1u);
}

TEST_F(HandlerWatchTest, ReportsWhoThrew) {
  watch_.Run("timer", record_, [&] {
    clock_.Advance(3 * kMillisecond);
    throw std::runtime_error("no such camera");
  });
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_NE(lines_.Find("timer: the handler threw, after 3ms: no such camera"), "");
  EXPECT_NE(watch_.TakeException(), nullptr);
  EXPECT_EQ(watch_.TakeException(), nullptr);
  HandlerRecord other;
  watch_.Run("timer", other, [] { throw 7; });
  EXPECT_NE(lines_.Find("something that is no std::exception"), "");
}

TEST_F(HandlerWatchTest, TheFirstExceptionIsKept) {
  watch_.Run("a", record_, [] { throw 1; });
  watch_.Run("a", record_, [] { throw 2; });
  try {
    std::rethrow_exception(watch_.TakeException());
  } catch (int number) {
    EXPECT_EQ(number, 1);
  }
}

TEST_F(HandlerWatchTest, RepeatsItselfLessAndLess) {
  for (int i = 0; i < 100; ++i) {
    watch_.Run("a", record_, [&] { clock_.Advance(kSecond); });
  }
  EXPECT_EQ(record_.slow, 100u);
  EXPECT_EQ(lines_.size(), 7u);  // 1, 2, 4, 8, 16, 32, 64.
  EXPECT_NE(lines_.Find("(64 times so far)"), "");
  HandlerRecord other;
  watch_.Run("b", other, [&] { clock_.Advance(kSecond); });
  EXPECT_EQ(lines_.size(), 8u);
}

}  // namespace
}  // namespace holler
