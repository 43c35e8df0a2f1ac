// Writers of bounded tables: what each accessor does, and that the message is valid after each.
#include "holler/static_table.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <vector>

#include "bounded_topics.h"
#include "gtest/gtest.h"
#include "table_support.h"

namespace holler {
namespace {

using bounded::Everything;
using bounded::EverythingTopic;

// Does one thing to a message, which must leave it valid.
#define STEP(what)                          \
  do {                                      \
    what;                                   \
    ASSERT_TRUE(draft_.IsValid()) << #what; \
  } while (false)

class StaticTable : public testing::Test {
 protected:
  const Everything& message() const { return draft_.message(); }

  Draft<EverythingTopic> draft_;
};

TEST_F(StaticTable, BeginsBlank) {
  ASSERT_TRUE(draft_.IsValid());
  EXPECT_FALSE(message().flag());
  EXPECT_TRUE(message().on());
  EXPECT_EQ(message().tiny(), -3);
  EXPECT_EQ(message().small(), -300);
  EXPECT_EQ(message().count(), 4'000'000'000u);
  EXPECT_EQ(message().big(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(message().huge(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(message().real(), 0.1f);
  EXPECT_EQ(message().limit(), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(message().colour(), parts::Colour_Blue);
  EXPECT_EQ(message().flags(), parts::Flags_Hot | parts::Flags_Wet);
  EXPECT_FALSE(message().maybe().has_value());
  EXPECT_FALSE(message().maybe_colour().has_value());
  EXPECT_EQ(message().class_(), 0);

  EXPECT_EQ(message().point(), nullptr);
  EXPECT_EQ(message().wide(), nullptr);
  EXPECT_EQ(message().text(), nullptr);
  EXPECT_EQ(message().bytes(), nullptr);
  EXPECT_EQ(message().pairs(), nullptr);
  EXPECT_EQ(message().names(), nullptr);
  EXPECT_EQ(message().label(), nullptr);
  EXPECT_EQ(message().people(), nullptr);
  EXPECT_EQ(message().shape_type(), bounded::Shape_NONE);
  EXPECT_EQ(message().shape(), nullptr);
  EXPECT_EQ(message().shapes_type(), nullptr);
  EXPECT_EQ(message().shapes(), nullptr);
  EXPECT_EQ(message().inner(), nullptr);
  EXPECT_EQ(message().outer(), nullptr);
}

TEST_F(StaticTable, WhatIsRequiredIsThereAndEmpty) {
  EXPECT_EQ(message().sure_text()->str(), "");
  EXPECT_EQ(message().sure_reals()->size(), 0u);
  EXPECT_EQ(message().sure_wide()->a(), 0);
  EXPECT_EQ(message().sure_wide()->b()->Get(1)->y(), 0);
  EXPECT_EQ(message().sure_person()->name()->str(), "");
  EXPECT_EQ(message().sure_person()->circles(), nullptr);
  EXPECT_EQ(message().numbered()->size(), 0u);
  EXPECT_EQ(message().sure_shape_as_Circle()->radius(), 1.0f);
  EXPECT_EQ(message().sure_shapes()->size(), 0u);
  EXPECT_EQ(message().sure_shapes_type()->size(), 0u);
  EXPECT_EQ(message().sure_inner_nested_root()->name()->str(), "");
}

TEST_F(StaticTable, Scalars) {
  STEP(draft_->set_flag(true));
  STEP(draft_->set_on(false));
  STEP(draft_->set_tiny(-128));
  STEP(draft_->set_small(32767));
  STEP(draft_->set_count(1));
  STEP(draft_->set_big(-1));
  STEP(draft_->set_huge(0));
  STEP(draft_->set_real(-0.0f));
  STEP(draft_->set_limit(1e300));
  STEP(draft_->set_colour(parts::Colour_Green));
  STEP(draft_->set_flags(parts::Flags_Wet));
  STEP(draft_->set_class_(-7));
  EXPECT_TRUE(message().flag());
  EXPECT_FALSE(message().on());
  EXPECT_EQ(message().tiny(), -128);
  EXPECT_EQ(message().small(), 32767);
  EXPECT_EQ(message().count(), 1u);
  EXPECT_EQ(message().big(), -1);
  EXPECT_EQ(message().huge(), 0u);
  EXPECT_TRUE(std::signbit(message().real()));
  EXPECT_EQ(message().limit(), 1e300);
  EXPECT_EQ(message().colour(), parts::Colour_Green);
  EXPECT_EQ(message().flags(), parts::Flags_Wet);
  EXPECT_EQ(message().class_(), -7);
}

TEST_F(StaticTable, OptionalScalarsComeAndGo) {
  STEP(draft_->set_maybe(0));
  STEP(draft_->set_maybe_colour(parts::Colour_Red));
  EXPECT_EQ(message().maybe(), 0);
  EXPECT_EQ(message().maybe_colour(), parts::Colour_Red);
  STEP(draft_->clear_maybe());
  STEP(draft_->clear_maybe_colour());
  EXPECT_FALSE(message().maybe().has_value());
  EXPECT_FALSE(message().maybe_colour().has_value());
}

TEST_F(StaticTable, Structs) {
  STEP(draft_->set_point({1, 2}));
  EXPECT_EQ(message().point()->y(), 2);
  STEP(draft_->mutable_point().mutate_x(3));
  EXPECT_EQ(message().point()->x(), 3);
  EXPECT_EQ(message().point()->y(), 2);
  STEP(draft_->clear_point());
  EXPECT_EQ(message().point(), nullptr);
  STEP(draft_->mutable_point());  // Zero, whatever it was before.
  EXPECT_EQ(message().point()->x(), 0);
  EXPECT_EQ(message().point()->y(), 0);
  STEP(draft_->mutable_wide().mutable_b()->GetMutablePointer(1)->mutate_x(4));
  EXPECT_EQ(message().wide()->b()->Get(1)->x(), 4);
  EXPECT_EQ(message().wide()->a(), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(message().wide()) % 16, 0u);
  STEP(draft_->mutable_sure_wide().mutate_a(5));
  EXPECT_EQ(message().sure_wide()->a(), 5);
}

TEST_F(StaticTable, StringsComeAndGo) {
  STEP(EXPECT_TRUE(draft_->set_text("0123456789")));
  EXPECT_EQ(message().text()->str(), "0123456789");
  STEP(EXPECT_FALSE(draft_->set_text("01234567890")));
  EXPECT_EQ(message().text()->str(), "0123456789");
  STEP(draft_->clear_text());
  EXPECT_EQ(message().text(), nullptr);
  STEP(EXPECT_FALSE(draft_->set_text("01234567890")));
  EXPECT_EQ(message().text(), nullptr) << "a refused text makes nothing present";
  STEP(draft_->mutable_text());
  EXPECT_EQ(message().text()->str(), "") << "blank, whatever it was before";
  STEP(EXPECT_TRUE(draft_->set_sure_text("abc")));
  EXPECT_EQ(message().sure_text()->str(), "abc");
  STEP(EXPECT_TRUE(draft_->set_sure_text("")));
  STEP(EXPECT_TRUE(draft_->set_text({})));
  EXPECT_EQ(message().text()->str(), "");
}

TEST_F(StaticTable, VectorsComeAndGo) {
  const std::vector<double> reals = {1, 2, 3, 4};
  STEP(EXPECT_TRUE(draft_->set_reals(reals)));
  EXPECT_EQ(message().reals()->Get(3), 4);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(message().reals()->data()) % 8, 0u);
  STEP(draft_->clear_reals());
  STEP(EXPECT_FALSE(draft_->set_reals(std::vector<double>(5))));
  EXPECT_EQ(message().reals(), nullptr);
  STEP(draft_->mutable_reals());
  EXPECT_EQ(message().reals()->size(), 0u);
  STEP(EXPECT_FALSE(draft_->set_sure_reals(reals)));
  EXPECT_EQ(message().sure_reals()->size(), 0u);

  STEP(EXPECT_TRUE(draft_->set_bytes(std::vector<uint8_t>(9, 7))));
  EXPECT_EQ(message().bytes()->Get(8), 7);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(message().bytes()->data()) % 32, 0u);
  STEP(EXPECT_TRUE(draft_->set_flags_list(std::vector<uint8_t>{1, 0, 1})));
  EXPECT_TRUE(message().flags_list()->Get(2));
  const auto colours = {parts::Colour_Green, parts::Colour_Red};
  STEP(EXPECT_TRUE(draft_->set_colours(colours)));
  EXPECT_EQ(message().colours()->Get(0), parts::Colour_Green);
  const auto points = {parts::Point(1, 2), parts::Point(3, 4)};
  STEP(EXPECT_TRUE(draft_->set_points(points)));
  EXPECT_EQ(message().points()->Get(1)->y(), 4);
  STEP(EXPECT_TRUE(draft_->mutable_wides().resize(2)));
  STEP(draft_->mutable_wides()[1].mutate_a(9));
  EXPECT_EQ(message().wides()->Get(1)->a(), 9);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(message().wides()->Get(1)) % 16, 0u);
}

TEST_F(StaticTable, TablesAreBlankWhenFirstTouched) {
  STEP(draft_->mutable_person());
  EXPECT_EQ(message().person()->name()->str(), "");
  auto person = draft_->mutable_person();
  STEP(EXPECT_TRUE(person.set_name("Ada")));
  STEP(person.set_age(36));
  STEP(EXPECT_TRUE(person.mutable_circles().resize(3)));
  STEP(person.mutable_circles()[2].set_radius(7));
  EXPECT_EQ(message().person()->name()->str(), "Ada") << "a second touch changes nothing";
  EXPECT_EQ(message().person()->circles()->Get(1)->radius(), 1);
  EXPECT_EQ(message().person()->circles()->Get(2)->radius(), 7);
  STEP(draft_->clear_person());
  EXPECT_EQ(message().person(), nullptr);
  STEP(draft_->mutable_person());
  EXPECT_EQ(message().person()->name()->str(), "");
  EXPECT_EQ(message().person()->age(), 0);
  EXPECT_EQ(message().person()->circles(), nullptr);

  STEP(EXPECT_TRUE(draft_->mutable_label().set_text("123456789")));
  STEP(EXPECT_FALSE(draft_->mutable_label().set_text("1234567890")));
  STEP(EXPECT_TRUE(draft_->mutable_labels().emplace_back()->set_text("1234567890")));
  EXPECT_EQ(message().label()->text()->str(), "123456789");
  EXPECT_EQ(message().labels()->Get(0)->text()->str(), "1234567890");
  EXPECT_EQ(&draft_->mutable_label().message(), message().label());
}

TEST_F(StaticTable, UnionsSwitch) {
  STEP(draft_->mutable_shape_as_Circle().set_radius(2));
  EXPECT_EQ(message().shape_as_Circle()->radius(), 2);
  STEP(draft_->mutable_shape_as_Circle());
  EXPECT_EQ(message().shape_as_Circle()->radius(), 2) << "the same member stays as it is";
  STEP(EXPECT_TRUE(draft_->mutable_shape_as_Text().assign("12345")));
  EXPECT_EQ(message().shape_as_Circle(), nullptr);
  EXPECT_EQ(message().shape_as_Text()->str(), "12345");
  STEP(EXPECT_FALSE(draft_->mutable_shape_as_Text().assign("123456")));
  STEP(draft_->mutable_shape_as_parts_Wide().mutate_a(6));
  EXPECT_EQ(message().shape_as_parts_Wide()->a(), 6);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(message().shape()) % 16, 0u);
  STEP(draft_->mutable_shape_as_Circle());
  EXPECT_EQ(message().shape_as_Circle()->radius(), 1) << "another member is blank";
  STEP(EXPECT_TRUE(draft_->mutable_shape_as_Named().set_name("Bob")));
  EXPECT_EQ(message().shape_as_Named()->name()->str(), "Bob");
  STEP(draft_->mutable_shape_as_Nothing());
  EXPECT_NE(message().shape_as_Nothing(), nullptr);
  STEP(draft_->clear_shape());
  EXPECT_EQ(message().shape_type(), bounded::Shape_NONE);
  EXPECT_EQ(message().shape(), nullptr);
  STEP(draft_->mutable_shape_as_Named());
  EXPECT_EQ(message().shape_as_Named()->name()->str(), "");

  STEP(EXPECT_TRUE(draft_->mutable_sure_shape_as_Text().assign("1234567")));
  EXPECT_EQ(message().sure_shape_as_Text()->str(), "1234567");
}

TEST_F(StaticTable, MessagesInMessages) {
  STEP(draft_->mutable_inner());
  EXPECT_EQ(message().inner_nested_root()->number(), 0);
  STEP(draft_->mutable_inner().set_number(-5));
  STEP(draft_->mutable_inner().set_point({1, 2}));
  EXPECT_EQ(message().inner_nested_root()->number(), -5);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(message().inner()->data()) % 8, 0u);
  STEP(draft_->clear_inner());
  EXPECT_EQ(message().inner(), nullptr);
  STEP(EXPECT_TRUE(draft_->mutable_sure_inner().set_name("Eve")));
  EXPECT_EQ(message().sure_inner_nested_root()->name()->str(), "Eve");
}

TEST_F(StaticTable, FinishedMessagesInMessages) {
  flatbuffers::FlatBufferBuilder builder;
  const auto build = [&builder](size_t length) {
    bounded::EverythingT object;
    object.sure_text = std::string(length, 'x');
    object.sure_wide = std::make_unique<parts::Wide>();
    object.sure_person = std::make_unique<bounded::PersonT>();
    object.sure_shape.Set(bounded::CircleT());
    builder.Clear();
    flatbuffers::FlatBufferBuilder inner;
    inner.Finish(bounded::CreatePersonDirect(inner, "I"));
    object.sure_inner.assign(inner.GetBufferPointer(), inner.GetBufferPointer() + inner.GetSize());
    builder.Finish(Everything::Pack(builder, &object));
    return std::span<const uint8_t>(builder.GetBufferPointer(), builder.GetSize());
  };
  STEP(EXPECT_TRUE(draft_->set_outer(build(1000))));
  EXPECT_EQ(message().outer_nested_root()->sure_text()->size(), 1000u);
  STEP(EXPECT_FALSE(draft_->set_outer(build(2000))) << "it is too long");
  std::vector<uint8_t> broken(100, 0xff);
  STEP(EXPECT_FALSE(draft_->set_outer(broken)) << "it does not verify");
  STEP(EXPECT_FALSE(draft_->set_outer({})) << "nothing is no message");
  EXPECT_EQ(message().outer_nested_root()->sure_text()->size(), 1000u);
  STEP(draft_->clear_outer());
  EXPECT_EQ(message().outer(), nullptr);
}

TEST_F(StaticTable, AWriterIsAPointer) {
  static_assert(sizeof(bounded::EverythingWriter) == sizeof(void*));
  static_assert(sizeof(bounded::EverythingWriter::PersonWriter) == sizeof(void*));
  static_assert(std::is_trivially_copyable_v<bounded::EverythingWriter>);
  bounded::EverythingWriter copy = *draft_;
  copy.set_class_(4);
  EXPECT_EQ(message().class_(), 4);
}

TEST_F(StaticTable, StartingAnewForgetsAll) {
  draft_->set_class_(4);
  draft_->set_text("old");
  draft_->mutable_sure_person().set_name("old");
  draft_->mutable_sure_shape_as_Text().assign("old");
  draft_->mutable_numbered().resize(3);
  STEP(draft_->Start(draft_.payload(), EverythingTopic::kFileIdentifier));
  Json json("bounded.fbs");
  EXPECT_EQ(json.Text(draft_.data()), json.Text(Draft<EverythingTopic>().data()));
  EXPECT_EQ(message().sure_person()->name()->str(), "");
}

TEST(StaticTableCosts, StartWritesTheRootAlone) {
  // All but the blank image stays as it was, however large the message.
  Draft<EverythingTopic> draft;
  size_t changed = 0;
  for (const std::byte byte : draft.payload()) changed += byte != std::byte{0xa5};
  constexpr auto& shape = bounded::EverythingWriter::shape();
  EXPECT_LT(changed, shape.blank.size() + 300u);  // What is required is blanked, too.
  EXPECT_LT(changed, draft.payload().size() / 4);
}

TEST(StaticTableCosts, ABlankTableIsItsImage) {
  constexpr auto& shape = bounded::OrderedWriter::shape();
  Draft<bounded::OrderedTopic> draft;
  const auto* table = reinterpret_cast<const uint8_t*>(&draft.message());
  EXPECT_TRUE(std::equal(shape.blank.begin(), shape.blank.end(), table - shape.vtable_bytes));
}

TEST(StaticTableOrder, IdsSayWhichFieldIsWhich) {
  Draft<bounded::OrderedTopic> draft;
  draft->set_a(1);
  draft->set_b(2);
  EXPECT_TRUE(draft->set_c("four"));
  ASSERT_TRUE(draft.IsValid());
  EXPECT_EQ(draft.message().a(), 1);
  EXPECT_EQ(draft.message().b(), 2);
  EXPECT_EQ(draft.message().c()->str(), "four");
}

// Everything at once, against FlatBuffers' own way from JSON.
TEST_F(StaticTable, ReadsAsWhatABuilderMakes) {
  draft_->set_flag(true);
  draft_->set_huge(5);
  draft_->set_maybe(3);
  draft_->set_class_(1);
  draft_->set_point({1, 2});
  draft_->mutable_sure_wide().mutate_a(3);
  draft_->set_text("text");
  draft_->set_sure_text("abc");
  draft_->set_bytes(std::vector<uint8_t>{1, 2, 3});
  draft_->set_flags_list(std::vector<uint8_t>{0, 1});
  draft_->mutable_colours().push_back(parts::Colour_Blue);
  draft_->set_reals(std::vector<double>{0.5});
  draft_->mutable_pairs().push_back({7, 1.5f});
  draft_->mutable_names().push_back("first");
  draft_->mutable_names().push_back("");
  draft_->mutable_label().set_size(2);
  draft_->mutable_sure_person().set_name("Ada");
  draft_->mutable_people().emplace_back()->set_name("Bob");
  draft_->mutable_people()[0].mutable_circles().emplace_back()->set_radius(3);
  draft_->mutable_shape_as_Text().assign("t");
  draft_->mutable_sure_shape_as_parts_Wide().mutate_a(8);
  draft_->mutable_shapes().emplace_back_as_Circle()->set_radius(4);
  draft_->mutable_shapes().emplace_back_as_Named()->set_name("Eve");
  draft_->mutable_inner().set_number(9);
  ASSERT_TRUE(draft_.IsValid());

  Json json("bounded.fbs");
  EXPECT_EQ(json.Text(draft_.data()), json.Canonical(R"({
    "flag": true, "huge": 5, "maybe": 3, "class": 1, "point": {"x": 1, "y": 2},
    "sure_wide": {"a": 3, "b": [{"x": 0, "y": 0}, {"x": 0, "y": 0}]},
    "text": "text", "sure_text": "abc", "bytes": [1, 2, 3], "flags_list": [false, true],
    "colours": ["Blue"], "reals": [0.5], "sure_reals": [], "pairs": [{"id": 7, "value": 1.5}],
    "names": ["first", ""], "label": {"size": 2}, "sure_person": {"name": "Ada"},
    "people": [{"name": "Bob", "circles": [{"radius": 3}]}], "numbered": [],
    "shape_type": "Text", "shape": "t", "sure_shape_type": "parts_Wide",
    "sure_shape": {"a": 8, "b": [{"x": 0, "y": 0}, {"x": 0, "y": 0}]},
    "shapes_type": ["Circle", "Named"], "shapes": [{"radius": 4}, {"name": "Eve"}],
    "sure_shapes_type": [], "sure_shapes": [], "inner": {"number": 9},
    "sure_inner": {"name": ""}
  })"));
}

// What is nested is part of the type, so the schema in a segment says it: not in flatc's words,
// which FlatBuffers' parser only understands within one namespace.
TEST(StaticTableSchema, IsReadByFlatBuffersParser) {
  const std::span<const uint8_t> schema = EverythingTopic::schema();
  flatbuffers::Parser parser;
  ASSERT_TRUE(parser.Deserialize(schema.data(), schema.size()));
  const flatbuffers::StructDef* table = parser.LookupStruct("bounded.Everything");
  ASSERT_NE(table, nullptr);
  const flatbuffers::Value* nested =
      table->fields.Lookup("inner")->attributes.Lookup("nested_flatbuffer_full_name");
  ASSERT_NE(nested, nullptr);
  EXPECT_EQ(nested->constant, "bounded.Numbered");
}

}  // namespace
}  // namespace holler
