// Endpoints compiled from different versions of a message type.
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node_support.h"
#include "topics_topics.h"
#include "variants.h"

namespace holler {
namespace {

using testing::HasSubstr;

// One node, or two that meet through sockets.
class Types : public testing::TestWithParam<bool> {
 protected:
  Types() {
    a_ = std::make_unique<TestNode>("writer", domain_);
    if (GetParam()) b_ = std::make_unique<TestNode>("reader", domain_);
  }
  Node& a() { return **a_; }
  Node& b() { return b_ != nullptr ? **b_ : **a_; }
  Lines& a_log() { return *a_->log; }
  Lines& b_log() { return b_ != nullptr ? *b_->log : *a_->log; }

  template <typename Options>
  Options NoteRefusals(Lines& lines) {
    Options options;
    options.on_refused = [&lines](const PeerInfo& peer, const absl::Status& why) {
      EXPECT_FALSE(peer.node_name.empty());
      EXPECT_THAT(std::string(why.message()), HasSubstr("topic '" + peer.topic + "'"));
      EXPECT_TRUE(absl::IsInvalidArgument(why)) << why;
      lines.Add(std::string(why.message()));
    };
    return options;
  }

  // Each side hears why, by status and by log; nothing is matched.
  template <typename Publisher, typename Subscriber>
  void ExpectRefused(const std::string& topic, const std::string& why) {
    Lines there;
    Lines here;
    auto publisher = Make<Publisher>(a(), NoteRefusals<PublisherOptions>(there));
    auto subscriber = Make<Subscriber>(b(), NoteRefusals<SubscriberOptions>(here));
    ASSERT_TRUE(Await([&] { return there.size() > 0 && here.size() > 0; }));
    for (const std::string& line :
         {there.all()[0], here.all()[0], a_log().Find(topic), b_log().Find(topic)}) {
      EXPECT_THAT(line, HasSubstr("topic '" + topic + "'"));
      EXPECT_THAT(line, HasSubstr("'writer'"));
      if (GetParam()) {
        EXPECT_THAT(line, HasSubstr("'reader'"));
      }
      EXPECT_THAT(line, HasSubstr(why));
    }
    EXPECT_FALSE(publisher->has_subscribers());
    EXPECT_FALSE(subscriber->has_publishers());
    EXPECT_FALSE(publisher->Loan());
    EXPECT_FALSE(subscriber->Take());
    EXPECT_GT(b().stats().refused_endpoints, 0u);

    // Other topics between the same nodes work, before and after.
    auto small = Make<test::SmallPublisher>(a());
    auto small_subscriber = Make<test::SmallSubscriber>(b());
    ASSERT_TRUE(small->WaitForSubscriber(kLong));
    PublishNumber(*small, 3);
    EXPECT_EQ(TakeNumber(*small_subscriber), 3u);
  }

  const uint32_t domain_ = NextDomain();
  std::unique_ptr<TestNode> a_;
  std::unique_ptr<TestNode> b_;
};
INSTANTIATE_TEST_SUITE_P(, Types, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

TEST_P(Types, AnotherTypeOfFieldIsRefused) {
  ExpectRefused<v_old::test::ReadingPublisher, v_odd::test::ReadingSubscriber>(
      "test/reading", "test.Reading.value: int at the publisher, long at the subscriber");
}

TEST_P(Types, AnotherTypeOfFieldIsRefusedTheOtherWayRound) {
  ExpectRefused<v_odd::test::ReadingPublisher, v_old::test::ReadingSubscriber>(
      "test/reading", "test.Reading.value: long at the publisher, int at the subscriber");
}

TEST_P(Types, AnotherStructIsRefused) {
  ExpectRefused<v_old::test::PosePublisher, v_odd::test::PoseSubscriber>(
      "test/pose", "test.Pose.heading: absent at the publisher");
}

TEST_P(Types, AnotherStructIsRefusedTheOtherWayRound) {
  ExpectRefused<v_odd::test::PosePublisher, v_old::test::PoseSubscriber>(
      "test/pose", "test.Pose.heading: present at the publisher");
}

TEST_P(Types, TypesOfAnotherNameAreRefused) {
  Lines refusals;
  auto publisher = Make<test::SmallPublisher>(a(), PublisherOptions{.topic = "same"});
  auto options = NoteRefusals<SubscriberOptions>(refusals);
  options.topic = "same";
  auto subscriber = Make<test::TreeSubscriber>(b(), options);
  ASSERT_TRUE(Await([&] { return refusals.size() > 0; }));
  EXPECT_THAT(refusals.all()[0], HasSubstr("test.Small"));
  EXPECT_THAT(refusals.all()[0], HasSubstr("test.Tree"));
}

// A subscriber that cannot be matched does not disturb one that can.
TEST_P(Types, OthersOfTheSameTopicAreMatched) {
  Lines refusals;
  auto publisher = Make<v_old::test::PosePublisher>(a());
  auto odd = Make<v_odd::test::PoseSubscriber>(b(), NoteRefusals<SubscriberOptions>(refusals));
  auto old = Make<v_old::test::PoseSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  ASSERT_TRUE(Await([&] { return refusals.size() > 0; }));
  EXPECT_EQ(publisher->Publish(v_old::test::Pose(1, 2)), 1u);
  ASSERT_TRUE(old->Wait(kLong));
  EXPECT_EQ(old->Take()->y(), 2);
  EXPECT_FALSE(odd->Take());
}

// ---- Safe evolution ----

TEST_P(Types, AnOldWriterIsReadByANewReader) {
  auto publisher = Make<v_old::test::ReadingPublisher>(a());
  auto subscriber = Make<v_new::test::ReadingSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (int32_t value = 0; value < 100; ++value) {
    auto loan = publisher->Loan();
    auto& fbb = loan->builder();
    loan->Finish(v_old::test::CreateReading(fbb, value, v_old::test::Unit_Second,
                                            fbb.CreateString("label")));
    ASSERT_GT(publisher->Publish(std::move(loan)), 0u);
    ASSERT_TRUE(subscriber->Wait(kLong));
    const auto sample = subscriber->Take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->value(), value);
    EXPECT_EQ(sample->unit(), v_new::test::Unit_Second);
    EXPECT_EQ(sample->label()->str(), "label");
    EXPECT_EQ(sample->scale(), 1.5) << "its default";
    EXPECT_EQ(sample->note(), nullptr);
  }
  EXPECT_EQ(subscriber->malformed(), 0u);
}

TEST_P(Types, ANewWriterIsReadByAnOldReader) {
  auto publisher = Make<v_new::test::ReadingPublisher>(a());
  auto subscriber = Make<v_old::test::ReadingSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  // Longer than the reader's own max_bytes: the publisher's layout counts.
  const std::string note(900, 'n');
  for (int32_t value = 0; value < 100; ++value) {
    auto loan = publisher->Loan();
    auto& fbb = loan->builder();
    const auto label = fbb.CreateString("label");
    loan->Finish(v_new::test::CreateReading(fbb, value, v_new::test::Unit_Volt, label, 2.5,
                                            fbb.CreateString(note)));
    ASSERT_GT(publisher->Publish(std::move(loan)), 0u);
    ASSERT_TRUE(subscriber->Wait(kLong));
    const auto sample = subscriber->Take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->value(), value);
    EXPECT_EQ(static_cast<int>(sample->unit()), 2);
    EXPECT_EQ(sample->label()->str(), "label");
    EXPECT_GT(sample.bytes().size(), 900u);
  }
  EXPECT_EQ(subscriber->lost() + subscriber->malformed(), 0u);
}

// The slot count and depth are the publisher's as well.
TEST_P(Types, TheWritersDepthCounts) {
  static_assert(v_new::test::ReadingTopic::kLayout.depth == 3);
  static_assert(v_old::test::ReadingTopic::kLayout.depth == 8);
  auto publisher = Make<v_new::test::ReadingPublisher>(a());
  auto subscriber = Make<v_old::test::ReadingSubscriber>(b());
  ASSERT_TRUE(publisher->WaitForSubscriber(kLong));
  for (int32_t value = 1; value <= 10; ++value) {
    auto loan = publisher->Loan();
    loan->Finish(v_new::test::CreateReading(loan->builder(), value));
    publisher->Publish(std::move(loan));
  }
  for (int32_t value = 8; value <= 10; ++value) {
    ASSERT_TRUE(subscriber->Wait(kLong));
    EXPECT_EQ(subscriber->Take()->value(), value);
  }
  EXPECT_EQ(subscriber->lost(), 7u);
}

}  // namespace
}  // namespace holler
