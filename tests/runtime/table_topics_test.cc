// Bounded tables through publishers and subscribers: as the same type, evolved, under other bounds,
// and against those that a FlatBufferBuilder makes.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "holler/static_table.h"
#include "node_support.h"
#include "variants.h"

namespace holler {
namespace {

namespace built = v_built::test;
namespace newer = v_new::test;
namespace older = v_old::test;

// One node, or two that meet through sockets.
class TableTopics : public testing::TestWithParam<bool> {
 protected:
  TableTopics() {
    a_ = std::make_unique<TestNode>("writer", domain_);
    if (GetParam()) b_ = std::make_unique<TestNode>("reader", domain_);
  }
  Node& a() { return **a_; }
  Node& b() { return b_ != nullptr ? **b_ : **a_; }

  const uint32_t domain_ = NextDomain();
  std::unique_ptr<TestNode> a_;
  std::unique_ptr<TestNode> b_;
};
INSTANTIATE_TEST_SUITE_P(, TableTopics, testing::Bool(),
                         [](const auto& info) { return info.param ? "TwoNodes" : "OneNode"; });

// A publisher and a subscriber that are matched, and what goes from one to the other. Every sample
// is verified.
template <typename PublisherType, typename SubscriberType>
struct Pair {
  Pair(Node& a, Node& b)
      : publisher(Make<PublisherType>(a)),
        subscriber(Make<SubscriberType>(b, SubscriberOptions{.verify = true})) {
    EXPECT_TRUE(publisher->WaitForSubscriber(kLong));
  }

  // What `write` writes, as it arrives.
  template <typename Write>
  auto Send(const Write& write) {
    auto loan = publisher->Loan();
    EXPECT_TRUE(loan);
    write(*loan);
    EXPECT_GT(publisher->Publish(std::move(loan)), 0u);
    EXPECT_TRUE(subscriber->Wait(kLong));
    auto sample = subscriber->Take();
    EXPECT_TRUE(sample);
    EXPECT_EQ(subscriber->malformed() + subscriber->lost(), 0u);
    return sample;
  }

  std::unique_ptr<PublisherType> publisher;
  std::unique_ptr<SubscriberType> subscriber;
};

TEST_P(TableTopics, ArriveAsTheyWereWritten) {
  Pair<older::ScanPublisher, older::ScanSubscriber> pair(a(), b());
  for (uint64_t n = 0; n < 100; ++n) {
    const auto sample = pair.Send([n](older::ScanWriter& scan) {
      scan.set_stamp(n);
      scan.set_frame("frame");
      scan.mutable_ranges().resize(n % 5);
      for (float& range : scan.mutable_ranges()) range = static_cast<float>(n);
      if (n % 2 == 0) scan.mutable_echoes().emplace_back()->set_distance(3);
      if (n % 3 == 0) scan.mutable_cause_as_Echo().set_label("cause");
    });
    EXPECT_EQ(sample->stamp(), n);
    EXPECT_EQ(sample->frame()->str(), "frame");
    EXPECT_EQ(sample->ranges()->size(), n % 5);
    for (const float range : *sample->ranges()) EXPECT_EQ(range, n);
    EXPECT_EQ(sample->echoes() != nullptr, n % 2 == 0) << "nothing of the sample before";
    EXPECT_EQ(sample->cause_as_Echo() != nullptr, n % 3 == 0);
    EXPECT_EQ(sample.bytes().size(), older::ScanWriter::kMessageBytes);
  }
}

TEST_P(TableTopics, AnOldWriterIsReadByANewReader) {
  Pair<older::ScanPublisher, newer::ScanSubscriber> pair(a(), b());
  const auto sample = pair.Send([](older::ScanWriter& scan) {
    scan.set_stamp(5);
    scan.set_frame("12345678");  // Longer than the reader's own bound.
    scan.mutable_echoes().emplace_back()->set_distance(3);
    scan.mutable_cause_as_Echo().set_distance(4);
  });
  EXPECT_EQ(sample->stamp(), 5u);
  EXPECT_EQ(sample->frame()->str(), "12345678");
  EXPECT_EQ(sample->echoes()->Get(0)->strength(), 0.5f) << "its default";
  EXPECT_EQ(sample->cause_as_Echo()->distance(), 4);
  EXPECT_EQ(sample->gain(), 2.5);
  EXPECT_EQ(sample->note(), nullptr);
}

TEST_P(TableTopics, ANewWriterIsReadByAnOldReader) {
  Pair<newer::ScanPublisher, older::ScanSubscriber> pair(a(), b());
  const auto sample = pair.Send([](newer::ScanWriter& scan) {
    scan.set_stamp(5);
    scan.mutable_ranges().resize(100, 1.5f);  // More than the reader's own bound.
    scan.mutable_echoes().emplace_back()->set_label("longer than eight");
    scan.mutable_cause_as_Noise().set_level(1);
    scan.set_note("new");
  });
  EXPECT_EQ(sample->frame()->str(), "");
  EXPECT_EQ(sample->ranges()->Get(99), 1.5f);
  EXPECT_EQ(sample->echoes()->Get(0)->label()->str(), "longer than eight");
  EXPECT_EQ(sample->cause_as_Echo(), nullptr) << "of a member that this reader does not know";
  EXPECT_EQ(static_cast<int>(sample->cause_type()), 2);
}

TEST_P(TableTopics, BuiltTablesAreReadAsBoundedOnes) {
  Pair<built::ScanPublisher, newer::ScanSubscriber> pair(a(), b());
  const auto sample = pair.Send([](built::ScanWriter& scan) {
    auto& fbb = scan.builder();
    const std::vector<float> ranges(500, 2);
    scan.Finish(built::CreateScanDirect(fbb, 7, "a long frame", &ranges));
  });
  EXPECT_EQ(sample->stamp(), 7u);
  EXPECT_EQ(sample->frame()->str(), "a long frame");
  EXPECT_EQ(sample->ranges()->Get(499), 2);
  EXPECT_LT(sample.bytes().size(), 2'200u);
}

TEST_P(TableTopics, BoundedTablesAreReadAsBuiltOnes) {
  Pair<newer::ScanPublisher, built::ScanSubscriber> pair(a(), b());
  const auto sample = pair.Send([](newer::ScanWriter& scan) {
    scan.set_stamp(8);
    scan.set_frame("four");
    scan.set_ranges(std::vector<float>(100, 3));
  });
  EXPECT_EQ(sample->stamp(), 8u);
  EXPECT_EQ(sample->frame()->str(), "four");
  EXPECT_EQ(sample->ranges()->Get(99), 3);
}

// Whatever arrives can be republished under this program's own bounds, or is refused.
TEST_P(TableTopics, SamplesAreCopiedOnwards) {
  Pair<built::ScanPublisher, newer::ScanSubscriber> pair(a(), b());
  auto onward = Make<newer::ScanPublisher>(a(), PublisherOptions{.topic = "onward"});
  auto reader = Make<newer::ScanSubscriber>(b(), SubscriberOptions{.topic = "onward"});
  ASSERT_TRUE(onward->WaitForSubscriber(kLong));
  for (const std::string frame : {"four", "five!"}) {
    const auto sample = pair.Send([&frame](built::ScanWriter& scan) {
      scan.Finish(built::CreateScanDirect(scan.builder(), 9, frame.c_str()));
    });
    auto loan = onward->Loan();
    const CopyResult copied = loan->CopyFrom(*sample);
    EXPECT_EQ(static_cast<bool>(copied), frame == "four");
    EXPECT_EQ(copied.field(), frame == "four" ? "" : "frame");
    EXPECT_GT(onward->Publish(std::move(loan)), 0u);
    ASSERT_TRUE(reader->Wait(kLong));
    EXPECT_EQ(reader->Take()->stamp(), copied ? 9u : 0u);
  }
}

}  // namespace
}  // namespace holler
