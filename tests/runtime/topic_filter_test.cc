#include "holler/topic_filter.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "holler/name_card.h"

namespace holler {
namespace {

std::vector<uint64_t> Topics(int first, int count) {
  std::vector<uint64_t> hashes;
  for (int i = first; i < first + count; ++i) {
    hashes.push_back(TopicHash(absl::StrCat("robot/topic", i)));
  }
  return hashes;
}

TEST(TopicFilter, KnowsWhatWasPutIn) {
  for (const int count : {1, 10, 1'000}) {
    const TopicFilter filter(Topics(0, count), Topics(5'000, count));
    for (const uint64_t topic : Topics(0, count)) EXPECT_TRUE(filter.MayPublish(topic)) << count;
    for (const uint64_t topic : Topics(5'000, count)) {
      EXPECT_TRUE(filter.MaySubscribe(topic)) << count;
    }
  }
}

TEST(TopicFilter, SeldomTakesOthersForKnown) {
  const TopicFilter filter(Topics(0, 10), {});
  int publishes = 0;
  int subscribes = 0;
  for (const uint64_t topic : Topics(1'000, 10'000)) {
    publishes += filter.MayPublish(topic) ? 1 : 0;
    subscribes += filter.MaySubscribe(topic) ? 1 : 0;
  }
  EXPECT_LT(publishes, 50);
  EXPECT_LT(subscribes, 50);
}

// Or whoever publishes a topic would be taken for a subscriber, and called by every publisher.
TEST(TopicFilter, KeepsPublishersAndSubscribersApart) {
  for (const uint64_t topic : Topics(0, 100)) {
    EXPECT_FALSE(TopicFilter({topic}, {}).MaySubscribe(topic));
    EXPECT_FALSE(TopicFilter({}, {topic}).MayPublish(topic));
  }
}

TEST(TopicFilter, AnEmptyOneKnowsNothing) {
  for (const uint64_t topic : Topics(0, 100)) {
    EXPECT_FALSE(TopicFilter().MayPublish(topic));
    EXPECT_FALSE(TopicFilter().MaySubscribe(topic));
  }
}

TEST(TopicFilter, ComesBackFromItsText) {
  const TopicFilter filter(Topics(0, 7), Topics(100, 5));
  const std::string text = filter.ToText();
  EXPECT_EQ(text.size(), TopicFilter::kTextLength);
  EXPECT_EQ(text.find_first_of("@/ \n"), std::string::npos) << text;
  EXPECT_EQ(TopicFilter::Parse(text), filter);
  EXPECT_EQ(TopicFilter::Parse(TopicFilter().ToText()), TopicFilter());
}

TEST(TopicFilter, OtherTextsAreRefused) {
  const std::string text = TopicFilter(Topics(0, 3), {}).ToText();
  EXPECT_FALSE(TopicFilter::Parse("").has_value());
  EXPECT_FALSE(TopicFilter::Parse(text.substr(1)).has_value());
  EXPECT_FALSE(TopicFilter::Parse(text + "A").has_value());
  for (const char c : {'/', '+', '=', ' ', '\0', '\n', '\xff'}) {
    std::string other = text;
    other[20] = c;
    EXPECT_FALSE(TopicFilter::Parse(other).has_value()) << static_cast<int>(c);
  }
}

TEST(TopicFilter, MergedItKnowsBoth) {
  TopicFilter filter(Topics(0, 2), {});
  filter.Merge(TopicFilter({}, Topics(5, 2)));
  EXPECT_EQ(filter, TopicFilter(Topics(0, 2), Topics(5, 2)));
}

}  // namespace
}  // namespace holler
