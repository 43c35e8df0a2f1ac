// Vectors of strings, tables and unions of bounded tables.
#include "holler/static_vectors.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "bounded_topics.h"
#include "gtest/gtest.h"
#include "table_support.h"

namespace holler {
namespace {

class StaticVectors : public testing::Test {
 protected:
  void TearDown() override { EXPECT_TRUE(draft_.IsValid()); }

  const bounded::Everything& message() const { return draft_.message(); }
  std::vector<std::string> people() const {
    std::vector<std::string> names;
    for (const auto* person : *message().people()) names.push_back(person->name()->str());
    return names;
  }

  Draft<bounded::EverythingTopic> draft_;
};

TEST_F(StaticVectors, VectorOfStrings) {
  auto names = draft_->mutable_names();
  static_assert(decltype(names)::capacity() == 3 && decltype(names[0])::capacity() == 6);
  EXPECT_TRUE(names.push_back("one"));
  EXPECT_TRUE(names.emplace_back()->assign("second"));
  EXPECT_FALSE(names.push_back("too long"));
  EXPECT_EQ(names.size(), 2u);
  EXPECT_TRUE(names[0].append("two"));
  EXPECT_FALSE(names[0].append("x"));
  EXPECT_EQ(message().names()->Get(0)->str(), "onetwo");
  EXPECT_EQ(message().names()->Get(1)->str(), "second");
  EXPECT_TRUE(names.resize(3));
  EXPECT_EQ(names.back().size(), 0u);
  EXPECT_FALSE(names.push_back("x"));
  EXPECT_FALSE(names.emplace_back().has_value());
  EXPECT_FALSE(names.resize(4));
  std::string all;
  for (const std::string_view name : names) all += name;
  EXPECT_EQ(all, "onetwosecond");
  names.pop_back();
  names.pop_back();
  EXPECT_TRUE(names.emplace_back()->empty()) << "not what was there before";
  EXPECT_TRUE(names.assign(std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(message().names()->Get(2)->str(), "c");
  EXPECT_FALSE(names.assign(std::vector<std::string>{"a", "too long"}));
  EXPECT_FALSE(names.assign(std::vector<std::string>(4)));
  EXPECT_EQ(message().names()->size(), 3u);
  names.clear();
  EXPECT_TRUE(names.empty());
}

TEST_F(StaticVectors, VectorOfTables) {
  auto people = draft_->mutable_people();
  static_assert(decltype(people)::capacity() == 4);
  for (const char* name : {"d", "b", "c"}) EXPECT_TRUE(people.emplace_back()->set_name(name));
  people[1].set_age(20);
  EXPECT_EQ(people.front().message().name()->str(), "d");
  EXPECT_EQ(people.back().message().name()->str(), "c");
  for (auto person : people) EXPECT_TRUE(person.mutable_name().append("!"));
  EXPECT_EQ(this->people(), (std::vector<std::string>{"d!", "b!", "c!"}));
  EXPECT_TRUE(people.resize(4));
  EXPECT_FALSE(people.emplace_back().has_value());
  EXPECT_FALSE(people.resize(5));
  EXPECT_EQ(people.size(), 4u);
  people.pop_back();
  people.clear();
  EXPECT_TRUE(people.empty());
  EXPECT_TRUE(people.emplace_back()->message().name()->str().empty()) << "blank again";
}

TEST_F(StaticVectors, TablesAreSortedByTheirKey) {
  auto people = draft_->mutable_people();
  for (const char* name : {"d", "b", "c", "a"}) people.emplace_back()->set_name(name);
  people.Sort();
  EXPECT_EQ(this->people(), (std::vector<std::string>{"a", "b", "c", "d"}));
  people[0].set_name("A");
  EXPECT_EQ(message().people()->Get(0)->name()->str(), "A");

  auto numbered = draft_->mutable_numbered();
  for (const int number : {3, 1, 2}) numbered.emplace_back()->set_number(number);
  numbered.Sort();
  EXPECT_EQ(message().numbered()->LookupByKey(2), message().numbered()->Get(1));
}

TEST_F(StaticVectors, AfterSortingNoTwoElementsShareAPlace) {
  auto people = draft_->mutable_people();
  for (const char* name : {"d", "b", "c"}) people.emplace_back()->set_name(name);
  people.Sort();
  people.resize(1);
  EXPECT_TRUE(people.resize(4));
  EXPECT_EQ(this->people(), (std::vector<std::string>{"b", "", "", ""}));
  for (int i = 0; i < 4; ++i) people[i].set_name(std::string(1, char('p' + i)));
  EXPECT_EQ(this->people(), (std::vector<std::string>{"p", "q", "r", "s"}));
}

TEST_F(StaticVectors, NothingIsPoppedFromAnEmptyOne) {
  draft_->mutable_names().pop_back();
  draft_->mutable_people().pop_back();
  draft_->mutable_shapes().pop_back();
  EXPECT_TRUE(draft_.IsValid());
  EXPECT_EQ(message().names()->size(), 0u);
  EXPECT_EQ(message().people()->size(), 0u);
  EXPECT_EQ(message().shapes()->size(), 0u);
  EXPECT_EQ(message().shapes_type()->size(), 0u);
}

// Against a std::vector that does the same.
TEST_F(StaticVectors, RandomGrowthShrinkingAndSorting) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<int64_t> model;
  auto numbered = draft_->mutable_numbered();
  for (int step = 0; step < 2'000; ++step) {
    switch (random() % 5) {
      case 0: {
        const auto number = static_cast<int64_t>(random() % 100);
        const bool fits = model.size() < 5;
        auto element = numbered.emplace_back();
        ASSERT_EQ(element.has_value(), fits);
        if (fits) element->set_number(number);
        if (fits) model.push_back(number);
        break;
      }
      case 1: {
        const size_t length = random() % 7;
        ASSERT_EQ(numbered.resize(length), length <= 5);
        if (length <= 5) model.resize(length);
        break;
      }
      case 2:
        if (!model.empty()) numbered.pop_back();
        if (!model.empty()) model.pop_back();
        break;
      case 3:
        numbered.Sort();
        std::sort(model.begin(), model.end());
        break;
      default:
        if (random() % 10 == 0) numbered.clear();
        if (numbered.empty()) model.clear();
        if (!model.empty()) {
          const size_t i = random() % model.size();
          numbered[i].set_number(step);
          model[i] = step;
        }
    }
    ASSERT_TRUE(draft_.IsValid());
    std::vector<int64_t> found;
    for (const auto* element : *message().numbered()) found.push_back(element->number());
    ASSERT_EQ(found, model);
  }
}

TEST_F(StaticVectors, VectorOfUnions) {
  auto shapes = draft_->mutable_shapes();
  static_assert(decltype(shapes)::capacity() == 4);
  shapes.emplace_back_as_Circle()->set_radius(2);
  EXPECT_TRUE(draft_.IsValid());
  shapes.emplace_back_as_parts_Wide()->mutate_a(3);
  EXPECT_TRUE(shapes.emplace_back_as_Text()->assign("123456"));
  EXPECT_TRUE(draft_.IsValid());
  EXPECT_TRUE(shapes.emplace_back_as_Named()->set_name("Ada"));
  EXPECT_TRUE(draft_.IsValid());
  EXPECT_EQ(shapes.size(), 4u);
  EXPECT_FALSE(shapes.emplace_back_as_Circle().has_value());
  EXPECT_FALSE(shapes.emplace_back_as_Text().has_value());
  EXPECT_EQ(shapes.emplace_back_as_parts_Wide(), nullptr);
  EXPECT_EQ(message().shapes()->size(), 4u);
  EXPECT_EQ(message().shapes_type()->size(), 4u);
  EXPECT_EQ(shapes.type(2), bounded::Shape_Text);
  EXPECT_EQ(message().shapes()->GetAs<bounded::Circle>(0)->radius(), 2);
  EXPECT_EQ(message().shapes()->GetAs<parts::Wide>(1)->a(), 3);
  EXPECT_EQ(message().shapes()->GetAs<flatbuffers::String>(2)->str(), "123456");
  EXPECT_EQ(message().shapes()->GetAs<bounded::Person>(3)->name()->str(), "Ada");

  shapes.mutable_as_Circle(0);
  EXPECT_EQ(message().shapes()->GetAs<bounded::Circle>(0)->radius(), 2) << "the same stays";
  shapes.mutable_as_Circle(3);
  EXPECT_TRUE(draft_.IsValid());
  EXPECT_EQ(message().shapes()->GetAs<bounded::Circle>(3)->radius(), 1) << "another is blank";
  shapes.mutable_as_parts_Wide(0).mutate_a(4);
  shapes.mutable_as_Text(1).assign("x");
  EXPECT_TRUE(draft_.IsValid());
  shapes.pop_back();
  EXPECT_EQ(message().shapes()->size(), 3u);
  draft_->clear_shapes();
  EXPECT_EQ(message().shapes(), nullptr);
  EXPECT_EQ(message().shapes_type(), nullptr);
  EXPECT_TRUE(draft_->mutable_shapes().empty());
  EXPECT_NE(draft_->mutable_sure_shapes().emplace_back_as_Nothing(), std::nullopt);
}

}  // namespace
}  // namespace holler
