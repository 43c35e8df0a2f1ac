// Tables that are built in their slots.
#include "holler/writer.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "node_support.h"
#include "topics_topics.h"

namespace holler {
namespace {

// The longest whose message has at most 256 bytes, the max_bytes of the schema.
constexpr size_t kLongestText = 219;

class TableTest : public testing::Test {
 protected:
  void SetUp() override {
    trees_ = Make<test::TreePublisher>(*node_);
    tree_subscriber_ = Make<test::TreeSubscriber>(*node_);
    texts_ = Make<test::TextPublisher>(*node_);
    text_subscriber_ = Make<test::TextSubscriber>(*node_);
  }

  // Publishes a text of `size` bytes. Returns its sequence number.
  uint64_t PublishText(size_t size) {
    auto loan = texts_->Loan();
    EXPECT_TRUE(loan);
    auto& fbb = loan->builder();
    const auto text = fbb.CreateString(std::string(size, 't'));
    loan->Finish(test::CreateText(fbb, size, text));
    return texts_->Publish(std::move(loan));
  }

  // The size of the message that PublishText publishes, as another builder makes it.
  static size_t SizeOfText(size_t size) {
    flatbuffers::FlatBufferBuilder fbb;
    fbb.TrackMinAlign(kMessageAlignment);
    fbb.Finish(test::CreateText(fbb, size, fbb.CreateString(std::string(size, 't'))));
    return fbb.GetSize();
  }

  TestNode node_{"node", NextDomain()};
  std::unique_ptr<test::TreePublisher> trees_;
  std::unique_ptr<test::TreeSubscriber> tree_subscriber_;
  std::unique_ptr<test::TextPublisher> texts_;
  std::unique_ptr<test::TextSubscriber> text_subscriber_;
};

// A tree with something in every field, all of it following from `n`.
flatbuffers::Offset<test::Tree> BuildTree(flatbuffers::FlatBufferBuilder& fbb, uint64_t n) {
  const std::vector<uint64_t> numbers(n % 20, n);
  const auto leaf = [&](uint64_t k) {
    const auto name = fbb.CreateString("leaf " + std::to_string(k));
    return test::CreateLeaf(fbb, name, fbb.CreateVector(numbers));
  };
  std::vector<flatbuffers::Offset<test::Leaf>> leaves;
  for (uint64_t k = 0; k < n % 5; ++k) leaves.push_back(leaf(k));
  const std::vector<test::Point> points(n % 7, test::Point(static_cast<int32_t>(n), 1));
  const test::Point point(1, 2);
  const auto points_offset = fbb.CreateVectorOfStructs(points);
  const auto leaves_offset = fbb.CreateVector(leaves);
  const auto names = fbb.CreateVectorOfStrings({"a", "b", std::to_string(n)});
  const auto bytes = fbb.CreateVector(std::vector<uint8_t>(n % 11, 9));
  const auto name = fbb.CreateString("tree " + std::to_string(n));
  const auto own_leaf = leaf(99);
  const auto other = test::CreateOther(fbb, 0.5);
  return test::CreateTree(fbb, n, name, test::Colour_Blue, static_cast<int32_t>(n), &point,
                          points_offset, own_leaf, leaves_offset, names, bytes, test::Any_Other,
                          other.Union());
}

void ExpectTree(const test::Tree& tree, uint64_t n) {
  EXPECT_EQ(tree.number(), n);
  EXPECT_EQ(tree.name()->str(), "tree " + std::to_string(n));
  EXPECT_EQ(tree.colour(), test::Colour_Blue);
  EXPECT_EQ(tree.maybe(), static_cast<int32_t>(n));
  EXPECT_EQ(tree.point()->y(), 2);
  EXPECT_EQ(tree.points()->size(), n % 7);
  for (const test::Point* point : *tree.points()) EXPECT_EQ(point->x(), static_cast<int32_t>(n));
  EXPECT_EQ(tree.leaf()->name()->str(), "leaf 99");
  ASSERT_EQ(tree.leaves()->size(), n % 5);
  for (const test::Leaf* leaf : *tree.leaves()) {
    EXPECT_EQ(leaf->numbers()->size(), n % 20);
    for (const uint64_t number : *leaf->numbers()) EXPECT_EQ(number, n);
  }
  EXPECT_EQ(tree.names()->Get(2)->str(), std::to_string(n));
  EXPECT_EQ(tree.bytes()->size(), n % 11);
  EXPECT_EQ(tree.any_as_Other()->real(), 0.5);
}

TEST_F(TableTest, EveryKindOfFieldArrives) {
  for (uint64_t n = 0; n < 500; ++n) {
    auto loan = trees_->Loan();
    ASSERT_TRUE(loan);
    loan->Finish(BuildTree(loan->builder(), n));
    ASSERT_EQ(trees_->Publish(std::move(loan)), n + 1);
    const auto sample = tree_subscriber_->Take();
    ASSERT_TRUE(sample);
    ExpectTree(*sample, n);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(sample.bytes().data()) % kMessageAlignment, 0u);
  }
}

TEST_F(TableTest, AnEmptyTableArrives) {
  auto loan = trees_->Loan();
  loan->Finish(test::CreateTree(loan->builder()));
  EXPECT_EQ(trees_->Publish(std::move(loan)), 1u);
  const auto sample = tree_subscriber_->Take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->number(), 0u);
  EXPECT_EQ(sample->colour(), test::Colour_Green);
  EXPECT_FALSE(sample->maybe().has_value());
  EXPECT_EQ(sample->leaves(), nullptr);
}

// The samples held while others are built in the slots around them keep their bytes.
TEST_F(TableTest, HeldTablesDoNotChange) {
  auto first = trees_->Loan();
  first->Finish(BuildTree(first->builder(), 13));
  trees_->Publish(std::move(first));
  const auto held = tree_subscriber_->Take();
  for (uint64_t n = 0; n < 300; ++n) {
    auto loan = trees_->Loan();
    loan->Finish(BuildTree(loan->builder(), n));
    trees_->Publish(std::move(loan));
    ExpectTree(*held, 13);
  }
}

TEST_F(TableTest, UnfinishedOnesAreRefused) {
  auto loan = trees_->Loan();
  loan->builder().CreateString("left alone");
  EXPECT_EQ(trees_->Publish(std::move(loan)), 0u);
  EXPECT_FALSE(loan) << "the slot was given back";
  EXPECT_EQ(trees_->refused(), 1u);
  EXPECT_EQ(trees_->Publish(trees_->Loan()), 0u) << "not even begun";
  EXPECT_EQ(trees_->refused(), 2u);
  EXPECT_EQ(trees_->published(), 0u);
  auto next = trees_->Loan();
  next->Finish(BuildTree(next->builder(), 1));
  EXPECT_EQ(trees_->Publish(std::move(next)), 1u);
  ExpectTree(*tree_subscriber_->Take(), 1);
}

TEST_F(TableTest, AllThatFitMaxBytesArePublished) {
  static_assert(test::TextWriter::kMaxBytes == 256);
  uint64_t published = 0;
  for (size_t size = 0; size <= kLongestText; ++size) {
    ASSERT_EQ(PublishText(size), ++published) << size;
    const auto sample = text_subscriber_->Take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->text()->size(), size);
    EXPECT_LE(sample.bytes().size(), 256u);
    if (size == kLongestText) {
      EXPECT_EQ(sample.bytes().size(), 256u);
    }
  }
  EXPECT_EQ(texts_->refused(), 0u);
}

TEST_F(TableTest, TheNextLargerThanMaxBytesIsRefused) {
  EXPECT_EQ(SizeOfText(kLongestText), 256u);
  EXPECT_EQ(SizeOfText(kLongestText + 1), 256u + kMessageAlignment) << "the next possible size";
  EXPECT_EQ(PublishText(kLongestText + 1), 0u);
  EXPECT_EQ(texts_->refused(), 1u);
  EXPECT_EQ(PublishText(kLongestText), 1u);
  EXPECT_EQ(texts_->refused(), 1u);
}

// What the schema says is rounded up, here from 100.
TEST_F(TableTest, AnOddMaxBytesIsRoundedUp) {
  static_assert(test::OddWriter::kMaxBytes == 128);
  auto publisher = Make<test::OddPublisher>(*node_);
  auto subscriber = Make<test::OddSubscriber>(*node_);
  const std::vector<uint8_t> bytes(129, 0xFF);
  auto loan = publisher->Loan();
  EXPECT_FALSE(loan->CopyFrom(std::span(bytes)));
  EXPECT_TRUE(loan->CopyFrom(std::span(bytes).first(128)));
  EXPECT_EQ(publisher->Publish(std::move(loan)), 1u);
}

TEST_F(TableTest, ThoseThatExceedMaxBytesAreRefused) {
  uint64_t published = 0;
  for (const size_t size : {1'000u, 5'000u, 100'000u, 10'000'000u}) {
    EXPECT_EQ(PublishText(size), 0u);
    EXPECT_EQ(PublishText(10), ++published) << "the next one is not affected";
    EXPECT_EQ(text_subscriber_->Take()->text()->size(), 10u);
  }
  EXPECT_EQ(texts_->refused(), 4u);
  EXPECT_FALSE(text_subscriber_->Take());
  EXPECT_EQ(text_subscriber_->lost() + text_subscriber_->malformed(), 0u);
}

TEST_F(TableTest, ABatchLeavesOutWhatIsRefused) {
  const size_t published = texts_->PublishBatch(4, [](auto& message, size_t i) {
    if (i % 2 == 1) return;  // Not finished.
    flatbuffers::FlatBufferBuilder& fbb = message.builder();
    message.Finish(test::CreateText(fbb, i, fbb.CreateString("a text")));
  });
  EXPECT_EQ(published, 2u);
  EXPECT_EQ(texts_->refused(), 2u);
  EXPECT_EQ(text_subscriber_->Take()->number(), 0u);
  EXPECT_EQ(text_subscriber_->Take()->number(), 2u);
  EXPECT_FALSE(text_subscriber_->Take());
}

// Around the limit a message is published whole or refused, never cut.
TEST_F(TableTest, AroundTheLimitNothingIsCut) {
  uint64_t published = 0;
  uint64_t refused = 0;
  for (size_t size = 200; size < 2'000; ++size) {
    if (PublishText(size) == 0) {
      ++refused;
      continue;
    }
    ++published;
    EXPECT_LE(size, kLongestText);
    const auto sample = text_subscriber_->Take();
    ASSERT_TRUE(sample);
    ASSERT_EQ(sample->text()->str(), std::string(size, 't'));
  }
  EXPECT_EQ(published, kLongestText - 199);
  EXPECT_EQ(refused, 1'999 - kLongestText);
  EXPECT_EQ(texts_->refused(), refused);
  EXPECT_EQ(text_subscriber_->malformed(), 0u);
}

TEST_F(TableTest, AbandonedOnesLeaveNothingBehind) {
  for (const size_t size : {10u, 100'000u}) {
    for (int round = 0; round < 50; ++round) {
      auto loan = texts_->Loan();
      loan->builder().CreateString(std::string(size, 'x'));
    }
  }
  EXPECT_EQ(PublishText(3), 1u);
  EXPECT_EQ(text_subscriber_->Take()->text()->str(), "ttt");
}

TEST_F(TableTest, TwoLoansAreBuiltSideBySide) {
  auto a = trees_->Loan();
  auto b = trees_->Loan();
  const auto root_a = BuildTree(a->builder(), 3);
  const auto root_b = BuildTree(b->builder(), 4);
  b->Finish(root_b);
  a->Finish(root_a);
  EXPECT_EQ(trees_->Publish(std::move(b)), 1u);
  EXPECT_EQ(trees_->Publish(std::move(a)), 2u);
  ExpectTree(*tree_subscriber_->Take(), 4);
  ExpectTree(*tree_subscriber_->Take(), 3);
}

// ---- CopyFrom ----

std::span<const uint8_t> AsBytes(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

TEST_F(TableTest, ReceivedMessagesCanBePublishedAgain) {
  auto relay = Make<test::TreePublisher>(*node_, PublisherOptions{.topic = "relayed"});
  auto end = Make<test::TreeSubscriber>(*node_, SubscriberOptions{.topic = "relayed"});
  for (uint64_t n = 0; n < 200; ++n) {
    auto loan = trees_->Loan();
    loan->Finish(BuildTree(loan->builder(), n));
    trees_->Publish(std::move(loan));
    const auto sample = tree_subscriber_->Take();
    auto copy = relay->Loan();
    ASSERT_TRUE(copy->CopyFrom(AsBytes(sample.bytes())));
    ASSERT_EQ(relay->Publish(std::move(copy)), n + 1);
    const auto relayed = end->Take();
    ASSERT_TRUE(relayed);
    ExpectTree(*relayed, n);
  }
  EXPECT_EQ(end->malformed(), 0u);
}

TEST_F(TableTest, ForeignMessagesOfAnySizeCanBeCopied) {
  uint64_t copied = 0;
  for (size_t size = 0; size <= 300; ++size) {
    flatbuffers::FlatBufferBuilder fbb;
    const auto text = fbb.CreateString(std::string(size, 'f'));
    fbb.Finish(test::CreateText(fbb, size, text));
    auto loan = texts_->Loan();
    const bool fits = loan->CopyFrom({fbb.GetBufferPointer(), fbb.GetSize()});
    ASSERT_EQ(fits, fbb.GetSize() <= 256) << size;
    if (!fits) continue;
    ASSERT_EQ(texts_->Publish(std::move(loan)), ++copied);
    const auto sample = text_subscriber_->Take();
    ASSERT_TRUE(sample);
    EXPECT_EQ(sample->text()->str(), std::string(size, 'f'));
  }
}

// Whatever padding a copy adds, the copy of a copy fits.
TEST_F(TableTest, CopiesOfAnySizeUpToMaxBytesCanBeCopiedOn) {
  auto relay = Make<test::TextPublisher>(*node_, PublisherOptions{.topic = "relayed"});
  auto end =
      Make<test::TextSubscriber>(*node_, SubscriberOptions{.topic = "relayed", .verify = false});
  auto source = Make<test::TextSubscriber>(*node_, SubscriberOptions{.verify = false});
  const std::vector<uint8_t> bytes(257);
  for (size_t size = 1; size <= 256; ++size) {
    auto loan = texts_->Loan();
    ASSERT_TRUE(loan->CopyFrom(std::span(bytes).first(size))) << size;
    ASSERT_EQ(texts_->Publish(std::move(loan)), size);
    const auto sample = source->Take();
    ASSERT_TRUE(sample) << size;
    auto copy = relay->Loan();
    ASSERT_TRUE(copy->CopyFrom(sample.bytes())) << size;
    ASSERT_EQ(relay->Publish(std::move(copy)), size);
    ASSERT_TRUE(end->Take());
  }
  auto loan = texts_->Loan();
  EXPECT_FALSE(loan->CopyFrom(std::span(bytes))) << "one byte more than max_bytes";
  EXPECT_EQ(texts_->Publish(std::move(loan)), 0u);
  EXPECT_EQ(texts_->refused(), 1u);
}

TEST_F(TableTest, WhatDoesNotFitIsNotCopied) {
  auto loan = texts_->Loan();
  const std::vector<uint8_t> large(100'000);
  EXPECT_FALSE(loan->CopyFrom(large));
  EXPECT_EQ(texts_->Publish(std::move(loan)), 0u);
  EXPECT_EQ(PublishText(1), 1u);
}

TEST_F(TableTest, WhatOutgrewTheSlotCanBeReplaced) {
  flatbuffers::FlatBufferBuilder fbb;
  fbb.Finish(test::CreateText(fbb, 1, fbb.CreateString("copied")));
  auto loan = texts_->Loan();
  loan->builder().CreateString(std::string(100'000, 'x'));
  ASSERT_TRUE(loan->CopyFrom({fbb.GetBufferPointer(), fbb.GetSize()}));
  EXPECT_EQ(texts_->Publish(std::move(loan)), 1u);
}

// Whoever copies in what is no message harms nobody but the sample's count.
TEST_F(TableTest, NonsenseIsDroppedByTheSubscriber) {
  for (const size_t size : {8u, 64u, 256u}) {
    auto loan = texts_->Loan();
    ASSERT_TRUE(loan->CopyFrom(std::vector<uint8_t>(size, 0xFF)));
    EXPECT_GT(texts_->Publish(std::move(loan)), 0u);
  }
  PublishText(5);
  const auto sample = text_subscriber_->Take();
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->text()->size(), 5u);
  EXPECT_EQ(text_subscriber_->malformed(), 3u);
  EXPECT_EQ(text_subscriber_->lost(), 0u);
}

TEST_F(TableTest, NothingIsNoMessage) {
  auto loan = texts_->Loan();
  EXPECT_FALSE(loan->CopyFrom({}));
  EXPECT_EQ(texts_->Publish(std::move(loan)), 0u);
  EXPECT_EQ(PublishText(1), 1u);
}

TEST_F(TableTest, TheLastOfSeveralStartsCounts) {
  auto loan = texts_->Loan();
  flatbuffers::FlatBufferBuilder fbb;
  fbb.Finish(test::CreateText(fbb, 1, fbb.CreateString("copied")));
  ASSERT_TRUE(loan->CopyFrom({fbb.GetBufferPointer(), fbb.GetSize()}));
  ASSERT_TRUE(loan->CopyFrom({fbb.GetBufferPointer(), fbb.GetSize()}));
  EXPECT_EQ(texts_->Publish(std::move(loan)), 1u);
  EXPECT_EQ(text_subscriber_->Take()->text()->str(), "copied");
}

}  // namespace
}  // namespace holler
