// Strings and plain vectors of bounded tables: they act like the standard library's, within bounds.
#include "holler/static_fields.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "bounded_topics.h"
#include "gtest/gtest.h"
#include "table_support.h"

namespace holler {
namespace {

using bounded::EverythingTopic;

class StaticFields : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(draft_.IsValid()); }

  const bounded::Everything& message() const { return draft_.message(); }
  Draft<EverythingTopic> draft_;
};

TEST_F(StaticFields, StringActsLikeAString) {
  auto text = draft_->mutable_text();
  static_assert(decltype(text)::capacity() == 10);
  EXPECT_TRUE(text.empty());
  EXPECT_TRUE(text.assign("abc"));
  EXPECT_TRUE(text.append("def"));
  EXPECT_TRUE(text.push_back('g'));
  EXPECT_EQ(std::string_view(text), "abcdefg");
  EXPECT_STREQ(text.c_str(), "abcdefg");
  text[0] = 'A';
  text.pop_back();
  EXPECT_EQ(message().text()->str(), "Abcdef");
  EXPECT_STREQ(message().text()->c_str(), "Abcdef");
  EXPECT_TRUE(text.resize(8, '!'));
  EXPECT_EQ(std::string(text.begin(), text.end()), "Abcdef!!");
  EXPECT_TRUE(text.resize(2));
  EXPECT_STREQ(text.c_str(), "Ab");
  EXPECT_TRUE(text.assign(std::string_view(text).substr(1))) << "of itself";
  EXPECT_EQ(message().text()->str(), "b");
  text.clear();
  EXPECT_EQ(text.size(), 0u);
}

TEST_F(StaticFields, StringKeepsItsBound) {
  auto text = draft_->mutable_text();
  EXPECT_TRUE(text.assign("0123456789"));
  EXPECT_FALSE(text.push_back('x'));
  EXPECT_FALSE(text.append("x"));
  EXPECT_FALSE(text.resize(11));
  EXPECT_FALSE(text.assign("0123456789x"));
  EXPECT_EQ(message().text()->str(), "0123456789");
}

TEST_F(StaticFields, VectorActsLikeAVector) {
  auto reals = draft_->mutable_reals();
  static_assert(decltype(reals)::capacity() == 4);
  EXPECT_TRUE(reals.push_back(1));
  EXPECT_TRUE(reals.append(std::vector<double>{2, 3}));
  EXPECT_EQ(reals.front(), 1);
  EXPECT_EQ(reals.back(), 3);
  EXPECT_EQ(std::accumulate(reals.begin(), reals.end(), 0.0), 6);
  for (double& real : reals) real *= 2;
  reals[1] = 7;
  EXPECT_EQ(message().reals()->Get(0), 2);
  EXPECT_EQ(message().reals()->Get(1), 7);
  std::span<double> span = reals;
  EXPECT_EQ(span.size(), 3u);
  reals.pop_back();
  EXPECT_TRUE(reals.resize(4));
  EXPECT_EQ(message().reals()->Get(2), 0) << "not what was there before";
  EXPECT_TRUE(reals.resize(1));
  EXPECT_TRUE(reals.resize(3, 9));
  EXPECT_EQ(message().reals()->Get(2), 9);
  EXPECT_TRUE(reals.assign(std::vector<double>{5}));
  EXPECT_EQ(message().reals()->size(), 1u);
  reals.clear();
  EXPECT_TRUE(reals.empty());
}

TEST_F(StaticFields, VectorKeepsItsBound) {
  auto reals = draft_->mutable_reals();
  EXPECT_TRUE(reals.assign(std::vector<double>{1, 2, 3, 4}));
  EXPECT_FALSE(reals.push_back(5));
  EXPECT_FALSE(reals.append(std::vector<double>{5}));
  EXPECT_FALSE(reals.resize(5));
  EXPECT_FALSE(reals.resize(5, 1));
  EXPECT_FALSE(reals.assign(std::vector<double>(5)));
  EXPECT_TRUE(reals.resize_uninitialized(5).empty());
  EXPECT_EQ(message().reals()->size(), 4u);
  EXPECT_EQ(message().reals()->Get(3), 4);
}

TEST_F(StaticFields, NothingIsPoppedFromAnEmptyOne) {
  draft_->mutable_text().pop_back();
  draft_->mutable_reals().pop_back();
  EXPECT_TRUE(draft_.IsValid());
  EXPECT_EQ(message().text()->size(), 0u);
  EXPECT_EQ(message().reals()->size(), 0u);
}

TEST_F(StaticFields, BulkDataIsWrittenInPlace) {
  const std::span<uint8_t> bytes = draft_->mutable_bytes().resize_uninitialized(9);
  ASSERT_EQ(bytes.size(), 9u);
  EXPECT_EQ(bytes[8], 0xa5) << "what was there before";
  std::fill(bytes.begin(), bytes.end(), uint8_t{4});
  EXPECT_EQ(message().bytes()->Get(8), 4);
  EXPECT_EQ(message().bytes()->data(), bytes.data());
}

TEST_F(StaticFields, StructsAreSortedByTheirKey) {
  auto pairs = draft_->mutable_pairs();
  for (const int id : {5, 1, 4, 2, 3}) EXPECT_TRUE(pairs.push_back({id, 0.5f * id}));
  pairs.Sort();
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(message().pairs()->Get(i)->id(), int(i) + 1);
  EXPECT_EQ(message().pairs()->LookupByKey(4)->value(), 2.0f);
}

}  // namespace
}  // namespace holler
