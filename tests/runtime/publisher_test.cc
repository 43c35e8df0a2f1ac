#include "holler/publisher.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node_support.h"
#include "process_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

using testing::HasSubstr;

class PublisherTest : public testing::Test {
 protected:
  TestNode node_{"node", NextDomain()};
};

TEST_F(PublisherTest, LendsNothingThatNobodyWants) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  EXPECT_FALSE(publisher->has_subscribers());
  auto loan = publisher->Loan();
  EXPECT_FALSE(loan);
  EXPECT_EQ(loan.why(), NoLoan::kNoSubscribers);
  EXPECT_EQ(publisher->Publish(std::move(loan)), 0u);
  EXPECT_EQ(publisher->Publish(test::Small(1)), 0u);
  EXPECT_EQ(publisher->published(), 0u);
  EXPECT_EQ(publisher->refused(), 0u);
  EXPECT_EQ(publisher->LoanUninitialized().why(), NoLoan::kNoSubscribers);
}

TEST_F(PublisherTest, LendsALatchedTopicAnyTime) {
  auto publisher = Make<test::LastPublisher>(*node_);
  auto loan = publisher->Loan();
  EXPECT_TRUE(loan);
  EXPECT_EQ(loan.why(), NoLoan::kNone);
}

TEST_F(PublisherTest, LendsAtMostMaxLoans) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  auto first = publisher->Loan();
  {
    auto second = publisher->Loan();
    EXPECT_TRUE(second);
    auto third = publisher->Loan();
    EXPECT_FALSE(third);
    EXPECT_EQ(third.why(), NoLoan::kTooManyLoans);
  }
  EXPECT_TRUE(publisher->Loan()) << "an unused loan was given back";
  EXPECT_EQ(publisher->published(), 0u);
}

TEST_F(PublisherTest, OneLoanAtATime) {
  auto publisher = Make<test::TightPublisher>(*node_);
  auto subscriber = Make<test::TightSubscriber>(*node_);
  for (uint64_t n = 1; n <= 100; ++n) {
    auto loan = publisher->Loan();
    ASSERT_TRUE(loan);
    EXPECT_EQ(publisher->Loan().why(), NoLoan::kTooManyLoans);
    loan->set_number(n);
    ASSERT_EQ(publisher->Publish(std::move(loan)), n);
    ASSERT_EQ(subscriber->Take()->number(), n);
  }
}

TEST_F(PublisherTest, LoansMove) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  auto a = publisher->Loan();
  a->set_number(1);
  auto b = publisher->Loan();
  b->set_number(2);
  a = std::move(b);
  EXPECT_EQ(a->message().number(), 2u);
  auto c = std::move(a);
  EXPECT_EQ(publisher->Publish(std::move(c)), 1u);
  EXPECT_EQ(subscriber->Take()->number(), 2u);
  EXPECT_EQ(publisher->Publish(std::move(c)), 0u) << "published already";
}

TEST_F(PublisherTest, ALoanIsGivenBackWhenAnotherIsMovedThere) {
  auto publisher = Make<test::TightPublisher>(*node_);
  auto subscriber = Make<test::TightSubscriber>(*node_);
  auto loan = publisher->Loan();
  auto none = publisher->Loan();
  ASSERT_EQ(none.why(), NoLoan::kTooManyLoans);
  loan = std::move(none);
  EXPECT_FALSE(loan);
  EXPECT_FALSE(none) << "it must not have the loan now";
  none = publisher->Loan();
  ASSERT_TRUE(none) << "the first was not given back";
  auto& itself = none;
  none = std::move(itself);
  none->set_number(3);
  EXPECT_EQ(publisher->Publish(std::move(none)), 1u);
}

TEST_F(PublisherTest, APublisherLeavesWhenAnotherIsMovedThere) {
  auto a = Make<test::SmallPublisher>(*node_);
  auto b = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  ASSERT_TRUE(Await([&] { return subscriber->publisher_count() == 2; }));
  *a = std::move(*b);
  EXPECT_TRUE(Await([&] { return subscriber->publisher_count() == 1; }));
  auto& itself = *a;
  *a = std::move(itself);
  EXPECT_EQ(PublishNumber(*a, 5), 1u);
  EXPECT_EQ(TakeNumber(*subscriber), 5u);
}

TEST_F(PublisherTest, LoansStayValidWhenThePublisherMoves) {
  auto created = test::SmallPublisher::Create(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  auto loan = created->Loan();
  test::SmallPublisher publisher = std::move(*created);
  loan->set_number(3);
  EXPECT_EQ(publisher.Publish(std::move(loan)), 1u);
  EXPECT_EQ(subscriber->Take()->number(), 3u);
}

TEST_F(PublisherTest, AStructStartsWithAllBytesZero) {
  auto publisher = Make<test::KindsPublisher>(*node_);
  auto subscriber = Make<test::KindsSubscriber>(*node_);
  for (int round = 0; round < 300; ++round) {
    auto loan = publisher->Loan();
    ASSERT_TRUE(loan);
    std::vector<char> zeros(sizeof(test::Kinds));
    ASSERT_EQ(std::memcmp(&loan->message(), zeros.data(), zeros.size()), 0);
    std::memset(static_cast<void*>(&loan->message()), 0xFF, sizeof(test::Kinds));
    publisher->Publish(std::move(loan));
    subscriber->Take();
  }
}

TEST_F(PublisherTest, EveryKindOfStructFieldArrives) {
  auto publisher = Make<test::KindsPublisher>(*node_);
  auto subscriber = Make<test::KindsSubscriber>(*node_);
  const test::Point points[3] = {{1, 2}, {3, 4}, {5, 6}};
  const uint8_t bytes[5] = {9, 8, 7, 6, 5};
  auto loan = publisher->Loan();
  loan->set_flag(true);
  loan->set_byte(-5);
  loan->set_real(0.25);
  loan->set_point({7, 8});
  loan->mutable_points().CopyFromSpan(flatbuffers::make_span(points));
  loan->set_bytes(bytes);
  publisher->Publish(std::move(loan));
  const auto sample = subscriber->Take();
  ASSERT_TRUE(sample);
  EXPECT_TRUE(sample->flag());
  EXPECT_EQ(sample->byte(), -5);
  EXPECT_EQ(sample->real(), 0.25);
  EXPECT_EQ(sample->point().y(), 8);
  EXPECT_EQ((*sample->points())[2]->x(), 5);
  EXPECT_EQ((*sample->bytes())[4], 5);
  EXPECT_EQ(sample.bytes().size(), sizeof(test::Kinds));
}

TEST_F(PublisherTest, WholeStructsAreCopied) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_);
  EXPECT_EQ(publisher->Publish(test::Small(11)), 1u);
  auto loan = publisher->LoanUninitialized();
  loan->CopyFrom(test::Small(12));
  EXPECT_EQ(publisher->Publish(std::move(loan)), 2u);
  EXPECT_EQ(subscriber->Take()->number(), 11u);
  EXPECT_EQ(subscriber->Take()->number(), 12u);
}

TEST_F(PublisherTest, PublishesABatch) {
  auto publisher = Make<test::ManyPublisher>(*node_);
  const auto fill = [](auto& message, size_t i) { message.set_number(i + 1); };
  EXPECT_EQ(publisher->PublishBatch(5, fill), 0u) << "nobody listens";
  auto subscriber = Make<test::ManySubscriber>(*node_);
  EXPECT_EQ(publisher->PublishBatch(0, fill), 0u);
  EXPECT_EQ(publisher->PublishBatch(1'000, fill), 1'000u);
  EXPECT_EQ(publisher->published(), 1'000u);
  for (uint64_t n = 1; n <= 1'000; ++n) {
    const auto sample = subscriber->Take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample.sequence(), n);
    EXPECT_EQ(sample->number(), n);
  }
  const std::vector<test::Small> messages{test::Small(7), test::Small(8)};
  EXPECT_EQ(publisher->PublishBatch(messages), 2u);
  const auto first = subscriber->Take();
  const auto second = subscriber->Take();
  EXPECT_EQ(first->number(), 7u);
  EXPECT_EQ(second->number(), 8u);
  EXPECT_EQ(first.publish_time(), second.publish_time());
}

TEST_F(PublisherTest, ABatchNeedsALoan) {
  auto publisher = Make<test::TightPublisher>(*node_);
  auto subscriber = Make<test::TightSubscriber>(*node_);
  auto loan = publisher->Loan();
  EXPECT_EQ(publisher->PublishBatch(3, [](auto&, size_t) {}), 0u);
  EXPECT_EQ(publisher->counters().too_many_loans, 1u);
  publisher->Publish(std::move(loan));
  EXPECT_EQ(publisher->PublishBatch(3, [](auto&, size_t) {}), 3u);
  EXPECT_TRUE(publisher->Loan()) << "all of them were given back";
}

TEST_F(PublisherTest, PayloadsAreAsAlignedAsTheirTypes) {
  auto publisher = Make<test::AlignedPublisher>(*node_);
  auto subscriber = Make<test::AlignedSubscriber>(*node_);
  for (int round = 0; round < 20; ++round) {
    auto loan = publisher->Loan();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&loan->message()) % alignof(test::Aligned), 0u);
    publisher->Publish(std::move(loan));
    const auto sample = subscriber->Take();
    EXPECT_EQ(reinterpret_cast<uintptr_t>(&*sample) % alignof(test::Aligned), 0u);
  }
}

TEST_F(PublisherTest, TheTopicCanBeNamed) {
  auto publisher = Make<test::SmallPublisher>(*node_, PublisherOptions{.topic = "left/small"});
  auto other = Make<test::SmallPublisher>(*node_);
  auto subscriber = Make<test::SmallSubscriber>(*node_, SubscriberOptions{.topic = "left/small"});
  EXPECT_EQ(publisher->topic(), "left/small");
  EXPECT_EQ(subscriber->topic(), "left/small");
  EXPECT_EQ(other->topic(), "test/small");
  EXPECT_TRUE(publisher->has_subscribers());
  EXPECT_FALSE(other->has_subscribers());
}

TEST_F(PublisherTest, BadTopicNamesAreRefused) {
  for (const std::string& topic : {std::string("a b"), std::string("/a"), std::string(128, 'a')}) {
    const auto publisher = test::SmallPublisher::Create(*node_, {.topic = topic});
    EXPECT_TRUE(absl::IsInvalidArgument(publisher.status())) << topic;
    const auto subscriber = test::SmallSubscriber::Create(*node_, {.topic = topic});
    EXPECT_TRUE(absl::IsInvalidArgument(subscriber.status())) << topic;
  }
}

TEST_F(PublisherTest, LimitsAreNamed) {
  absl::Status publisher;
  absl::Status subscriber;
  absl::Status large;
  {
    const ScopedLimit limit(RLIMIT_NOFILE, NextFd());
    publisher = test::SmallPublisher::Create(*node_).status();
    subscriber = test::SmallSubscriber::Create(*node_).status();
  }
  {
    const ScopedLimit limit(RLIMIT_AS, AddressSpace());
    large = test::ManyPublisher::Create(*node_).status();
  }
  for (const absl::Status& status : {publisher, subscriber}) {
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("RLIMIT_NOFILE"));
  }
  EXPECT_THAT(std::string(publisher.message()), HasSubstr("test/small"));
  EXPECT_THAT(std::string(large.message()), HasSubstr("RLIMIT_AS"));
  EXPECT_THAT(std::string(large.message()), HasSubstr("test/many"));
}

// A match that fails for want of fds leaves neither side behind, and succeeds later.
TEST_F(PublisherTest, AMatchThatDoesNotFitIsRefusedAloud) {
  auto publisher = Make<test::SmallPublisher>(*node_);
  const std::vector<UniqueFd> filling = FillFds();
  const int before = CountOpenFds();
  const rlim_t next = NextFd();
  Lines refusals;
  bool matched = false;
  for (rlim_t room = 2; room < 12 && !matched; ++room) {
    // A subscriber of its own needs two fds; a match, some more for a while.
    const ScopedLimit limit(RLIMIT_NOFILE, next + room);
    auto subscriber = test::SmallSubscriber::Create(
        *node_, {.on_refused = [&](const PeerInfo&, const absl::Status& why) {
          refusals.Add(std::string(why.message()));
        }});
    ASSERT_TRUE(subscriber.ok()) << subscriber.status();
    matched = subscriber->has_publishers();
    EXPECT_EQ(publisher->has_subscribers(), matched);
    if (!matched) {
      EXPECT_TRUE(Await([&] { return refusals.size() + 2 > room; }));
    }
  }
  EXPECT_TRUE(matched);
  EXPECT_EQ(CountOpenFds(), before);
  ASSERT_GT(refusals.size(), 0u);
  for (const std::string& line : refusals.all()) {
    EXPECT_THAT(line, HasSubstr("RLIMIT_NOFILE"));
    EXPECT_THAT(line, HasSubstr("test/small"));
  }
}

TEST_F(PublisherTest, StaticProperties) {
  static_assert(!std::is_copy_constructible_v<test::SmallPublisher>);
  static_assert(!std::is_copy_constructible_v<test::SmallPublisher::LoanType>);
  static_assert(!std::is_copy_assignable_v<test::SmallPublisher::LoanType>);
  static_assert(std::is_nothrow_move_constructible_v<test::SmallPublisher>);
  static_assert(std::is_nothrow_move_constructible_v<test::SmallPublisher::LoanType>);
  static_assert(noexcept(std::declval<test::SmallPublisher&>().Loan()));
  static_assert(IsConsistent(test::SmallTopic::kLayout));
  static_assert(test::OneTopic::kLayout.depth == 1);
  static_assert(test::LastTopic::kLatched);
  static_assert(!test::SmallTopic::kLatched);
  static_assert(test::OneTopic::kFingerprint == test::SmallTopic::kFingerprint,
                "the same message type, whatever the topic's bounds");
  static_assert(test::LargeTopic::kFingerprint != test::SmallTopic::kFingerprint);
}

}  // namespace
}  // namespace holler
