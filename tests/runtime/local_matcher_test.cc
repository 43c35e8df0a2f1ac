#include "holler/local_matcher.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "session_support.h"

namespace holler {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class LocalMatcherTest : public testing::Test {
 protected:
  static constexpr uint64_t kPublisher = 10;
  static constexpr uint64_t kSubscriber = 11;

  void SetUp() override {
    host_.endpoints.Add(kPublisher, &publisher_);
    host_.endpoints.Add(kSubscriber, &subscriber_);
  }

  Notes notes_;
  FakeHost host_;
  FakePublisher publisher_{notes_};
  FakeSubscriber subscriber_{notes_};
  LocalMatcher matcher_{host_};
};

TEST_F(LocalMatcherTest, MatchesInTheOrderOfTheProtocol) {
  matcher_.Match(kPublisher, kSubscriber);
  EXPECT_THAT(notes_, ElementsAre("propose 10", "admit 11", "confirm 10 at 41", "confirmed 11"));
  EXPECT_EQ(host_.counts.refused_endpoints, 0u);
}

TEST_F(LocalMatcherTest, WhoeverWaitsForAPlaceIsToldAndStays) {
  publisher_.answer = std::optional<JoinPoint>();
  matcher_.Match(kPublisher, kSubscriber);
  EXPECT_THAT(notes_, Contains(HasSubstr("subscriber refused: ")));
  EXPECT_THAT(notes_, Not(Contains("end 10")));
  EXPECT_EQ(host_.retries, 0) << "the publisher says when there is a place";
}

TEST_F(LocalMatcherTest, BothAreToldThatOneStalls) {
  matcher_.TellStalled(kPublisher, kSubscriber);
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("subscriber stalled 10: topic 'test/segment'"),
                                  HasSubstr("publisher refused: topic 'test/segment'")));
  host_.endpoints.Remove(kSubscriber);
  notes_.clear();
  matcher_.TellStalled(kPublisher, kSubscriber);
  EXPECT_TRUE(notes_.empty());
}

TEST_F(LocalMatcherTest, TypesThatDifferAreNotTriedAgain) {
  subscriber_.answer = absl::InvalidArgumentError("they differ");
  matcher_.Match(kPublisher, kSubscriber);
  EXPECT_THAT(notes_, Contains("end 10"));
  EXPECT_THAT(notes_, Contains(HasSubstr("they differ")));
  EXPECT_EQ(host_.log.size(), 1u);
  EXPECT_EQ(host_.retries, 0);
  notes_.clear();
  matcher_.Retry();
  EXPECT_TRUE(notes_.empty());
}

TEST_F(LocalMatcherTest, WhatWasExhaustedIsTriedAgain) {
  subscriber_.answer = absl::ResourceExhaustedError("no fds");
  matcher_.Match(kPublisher, kSubscriber);
  EXPECT_EQ(host_.retries, 1);
  EXPECT_EQ(host_.counts.exhausted, 1u);
  subscriber_.answer = absl::OkStatus();
  notes_.clear();
  matcher_.Retry();
  EXPECT_THAT(notes_, Contains("confirmed 11"));
  notes_.clear();
  matcher_.Retry();
  EXPECT_TRUE(notes_.empty());
}

TEST_F(LocalMatcherTest, WhoIsGoneIsNotTriedAgain) {
  subscriber_.answer = absl::ResourceExhaustedError("no fds");
  matcher_.Match(kPublisher, kSubscriber);
  host_.endpoints.Remove(kSubscriber);
  notes_.clear();
  matcher_.Retry();
  EXPECT_TRUE(notes_.empty());
}

}  // namespace
}  // namespace holler
