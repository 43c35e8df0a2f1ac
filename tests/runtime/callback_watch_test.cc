#include "holler/callback_watch.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace holler {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// With a clock that only callbacks move.
class CallbackWatchTest : public testing::Test {
 protected:
  void Take(int64_t time) { now_ += time; }

  int64_t now_ = 5'000'000'000;
  std::vector<std::string> whats_;
  std::vector<std::string> lines_;
  const CallbackWatch watch_{"imu",
                             [this](const std::string& what, const std::string& line) {
                               whats_.push_back(what);
                               lines_.push_back(line);
                             },
                             [this] { return now_; }};
};

TEST_F(CallbackWatchTest, TellsOfSlowOnes) {
  const auto options = watch_.Wrap(PublisherOptions{
      .on_matched = [this](const PeerInfo&) { Take(100 * kMillisecond + 1); },
      .on_unmatched = [this](const PeerInfo&) { Take(2'500 * kMillisecond); },
      .on_refused = [this](const PeerInfo&, const absl::Status&) { Take(153 * kMillisecond); }});
  options.on_matched({});
  options.on_unmatched({});
  options.on_refused({}, absl::OkStatus());
  EXPECT_THAT(lines_, ElementsAre(HasSubstr("topic 'imu': on_matched ran for 100 ms"),
                                  HasSubstr("topic 'imu': on_unmatched ran for 2500 ms"),
                                  HasSubstr("topic 'imu': on_refused ran for 153 ms")));
}

TEST_F(CallbackWatchTest, SaysNothingOfOthers) {
  const auto options = watch_.Wrap(
      SubscriberOptions{.on_matched = [this](const PeerInfo&) { Take(100 * kMillisecond); }});
  options.on_matched({});
  options.on_matched({});
  EXPECT_THAT(lines_, IsEmpty());
}

// The log tells of each callback once, by this.
TEST_F(CallbackWatchTest, WhatItIsAboutDoesNotChange) {
  const auto options = watch_.Wrap(SubscriberOptions{
      .on_matched = [this](const PeerInfo& peer) { Take(peer.pid * kMillisecond); }});
  options.on_matched({.pid = 200});
  options.on_matched({.pid = 300});
  ASSERT_EQ(whats_.size(), 2u);
  EXPECT_EQ(whats_[0], whats_[1]);
  EXPECT_NE(lines_[0], lines_[1]);
}

TEST_F(CallbackWatchTest, PassesOnWhatItIsGiven) {
  PeerInfo peer;
  absl::Status why;
  const auto options = watch_.Wrap(PublisherOptions{
      .topic = "other", .on_refused = [&](const PeerInfo& p, const absl::Status& w) {
        peer = p;
        why = w;
      }});
  options.on_refused({.node_name = "b"}, absl::UnavailableError("full"));
  EXPECT_EQ(peer.node_name, "b");
  EXPECT_EQ(why, absl::UnavailableError("full"));
  EXPECT_EQ(options.topic, "other");
}

TEST_F(CallbackWatchTest, NoCallbackStaysNone) {
  const auto options = watch_.Wrap(SubscriberOptions{.verify = false});
  EXPECT_FALSE(options.on_matched);
  EXPECT_FALSE(options.on_unmatched);
  EXPECT_FALSE(options.on_refused);
  EXPECT_FALSE(options.verify);
}

}  // namespace
}  // namespace holler
